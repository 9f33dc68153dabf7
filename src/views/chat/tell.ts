import type { Block } from '../../chat/blocks.js';
import type { Question } from '../../chat/stage.js';
import type { Fact } from '../../chat/wording.js';
import { cleanLine } from '../../format/clean.js';
import type { AnswerText } from '../../markdown/answer-text.js';

/** What the first Ctrl-C is answered with where there is nothing to stop. */
export const HOW_TO_LEAVE = 'Ctrl-D or /bye leaves; Ctrl-C again too';

/** All of them in one pair of parentheses; a part has none of its own within. */
function tellFacts(facts: readonly Fact[]): string[] {
  const texts = facts.map(({ text }) => text.replace(/^\((.*)\)$/, '$1'));
  return texts.length === 0 ? [] : [`(${texts.join(', ')})`];
}

/** A block in plain lines, with words in place of signs. */
export function tellBlock(block: Block, openText: () => AnswerText): string[] {
  switch (block.kind) {
    case 'header':
      return [block.parts.join(', ')];
    case 'prompt':
      return block.text.split('\n').map((line) => `> ${line}`);
    case 'thought':
      return [`(${block.title}; Ctrl-O tells what)`];
    case 'message': {
      const rows = openText();
      rows.push(block.text);
      return rows.finish();
    }
    case 'facts':
      return tellFacts(block.facts);
    case 'tool':
      return [
        `${block.isError ? 'failed to call' : 'called'} ${block.call}`,
        ...(block.outcome === '' ? [] : [`  ${block.outcome}`]),
      ];
    case 'note':
      return block.text.split('\n');
    case 'warning':
      return [`warning: ${block.text}`];
    case 'pairs':
      return block.groups.flatMap((pairs) => pairs.map(([usage, summary]) => `${usage}: ${summary}`));
    case 'models':
      return block.names.map((name) => cleanLine(name) + (name === block.current ? ' (in use)' : ''));
    case 'failure':
      return [`error: ${block.message}`, ...(block.hint === undefined ? [] : block.hint.split('\n'))];
  }
}

/** A question in plain lines, its choices numbered. */
export function tellQuestion({ title, details, choices }: Question): string[] {
  return [
    title,
    ...details,
    ...choices.map(({ letter, label }, index) => `${index + 1} or ${letter}: ${label}`),
    'A number or a letter chooses, Enter alone takes the first, Ctrl-C turns away.',
  ];
}

/** Why something failed, in a clean line. */
export function tellError(error: unknown): string {
  return cleanLine(error instanceof Error ? error.message : String(error));
}

/** That the history of what was sent can't be kept, and why. */
export function tellUnkept(problem: unknown): Block {
  return { kind: 'note', text: `What you send is not kept: ${tellError(problem)}` };
}
