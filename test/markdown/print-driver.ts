import { openMarkdown } from '../../src/markdown/markdown.js';
import { openPlainText } from '../../src/markdown/plain-text.js';
import { openPrinter } from '../../src/markdown/print.js';
import { createStyles } from '../../src/output/styles.js';

// Prints the text of its first argument a few characters at a time; it waits at `%WAIT%` for a key, at `%SIZE%` for a
// new size of the terminal.
const [text = '', kind = 'markdown'] = process.argv.slice(2);
const width = (): number => process.stdout.columns;
const answer =
  kind === 'plain'
    ? openPlainText({ width })
    : openMarkdown({ styles: createStyles(0), unicode: true, level: 0, links: false, width });
const printer = openPrinter(process.stdout, answer, () => ({
  columns: process.stdout.columns,
  rows: process.stdout.rows,
}));
const untilKey = (): Promise<void> => new Promise((resolve) => process.stdin.once('data', () => resolve()));
const untilSize = (): Promise<void> =>
  new Promise((resolve) => process.stdout.once('resize', () => resolve()));
process.stdin.setRawMode(true);
// Open, it keeps the program running while it waits.
process.stdin.resume();
for (const part of text.split(/(%WAIT%|%SIZE%)/)) {
  if (part === '%WAIT%') await untilKey();
  else if (part === '%SIZE%') await untilSize();
  else {
    for (let at = 0; at < part.length; at += 3) {
      printer.push(part.slice(at, at + 3));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}
await printer.end();
process.stdout.write('[the end]\n');
process.stdin.destroy();
