import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXIT_MEANINGS } from '../src/failure.js';
import { run } from './support/run.js';

const file = path.join(import.meta.dirname, '..', 'README.md');

/** A row of commander's help: the term, then its description after two spaces or more, which may go on below. */
function helpRows(help: string, heading: RegExp): [string, string][] {
  const rows: [string, string][] = [];
  let inside = false;
  for (const line of help.split('\n')) {
    if (/^\S/.test(line)) inside = heading.test(line);
    if (!inside) continue;
    const row = /^ {2}(\S.*?) {2,}(\S.*)$/.exec(line);
    const last = rows.at(-1);
    if (row) rows.push([row[1] ?? '', row[2] ?? '']);
    else if (/^ {10,}\S/.test(line) && last) last[1] += ` ${line.trim()}`;
  }
  return rows;
}

function table(head: string, rows: readonly (readonly [string, string])[], code: boolean): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const lines = rows.map(([term, text]) => `| ${code ? `\`${cell(term)}\`` : cell(term)} | ${cell(text)} |`);
  return [head, '|---|---|', ...lines].join('\n');
}

/** What stands between the marks of the README, made from the program itself. */
async function sections(): Promise<Record<string, string>> {
  const { stdout: help } = await run(['--help']);
  const commands = helpRows(help, /^(Models|Talk|Server|Tools):/);
  const options = helpRows(help, /^Options:/);
  return {
    commands: table('| command | what it does |', commands, true),
    options: table('| option | |', options, true),
    'exit-codes': table('| code | meaning |', EXIT_MEANINGS, false),
  };
}

describe('the README', () => {
  it("repeats the program's own commands, options and exit codes; UPDATE_README=1 writes them", async () => {
    let text = readFileSync(file, 'utf8');
    const written = text;
    for (const [name, content] of Object.entries(await sections())) {
      const mark = new RegExp(`(<!-- generated: ${name} -->\n)[^]*?(<!-- /generated -->)`);
      expect(text).toMatch(mark);
      expect(content.split('\n').length).toBeGreaterThan(5);
      text = text.replace(mark, (_, start: string, end: string) => `${start}${content}\n${end}`);
    }
    if (process.env['UPDATE_README'] === '1') writeFileSync(file, text);
    else expect(written).toBe(text);
  });
});
