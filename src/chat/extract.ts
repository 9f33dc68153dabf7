import { OllamaError } from '../core/errors.js';

/** A fenced block of code of an answer. */
export interface CodeBlock {
  /** The first word behind the fence; empty where there is none. */
  readonly language: string;
  /** What is between the fences, without the last line end. */
  readonly code: string;
}

const OPENING = /^([ \t]*)(`{3,}|~{3,})[ \t]*([^\n]*)$/;

/** The code blocks of a Markdown text in their order; one that is still open at the end reaches to it. */
export function findCodeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { indent: number; fence: string; language: string; lines: string[] } | undefined;
  const close = (): void => {
    if (open) blocks.push({ language: open.language, code: open.lines.join('\n') });
    open = undefined;
  };
  const lines = markdown.replace(/\r\n?/g, '\n').split('\n');
  // The text ends with its last line end: what follows it is no line.
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    if (open) {
      const [, closing = ''] = /^[ \t]*(`{3,}|~{3,})[ \t]*$/.exec(line) ?? [];
      if (closing.startsWith(open.fence)) close();
      else open.lines.push(withoutIndent(line, open.indent));
      continue;
    }
    const [, indent = '', fence, info = ''] = OPENING.exec(line) ?? [];
    // A backtick behind the fence: inline code at the start of a line.
    if (fence === undefined || (fence.startsWith('`') && info.includes('`'))) continue;
    open = { indent: indent.length, fence, language: info.trim().split(/\s+/)[0] ?? '', lines: [] };
  }
  close();
  return blocks;
}

function withoutIndent(line: string, most: number): string {
  let at = 0;
  while (at < most && (line[at] === ' ' || line[at] === '\t')) at++;
  return line.slice(at);
}

/** The nth code block of an answer, counted from 1, with its line end. Throws `protocol` where there are fewer. */
export function extractCode(markdown: string, n: number): string {
  const blocks = findCodeBlocks(markdown);
  const block = blocks[n - 1];
  if (block) return block.code === '' ? '' : `${block.code}\n`;
  const have = blocks.length === 0 ? 'no code block' : `only ${blocks.length} of them`;
  const wanted = blocks.length === 0 ? '' : `There is no code block ${n}: `;
  throw new OllamaError('protocol', `${wanted}${wanted === '' ? 'The' : 'the'} answer has ${have}.`, {
    hint: 'Ask for one code block.',
  });
}
