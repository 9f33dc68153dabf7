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
/** What comes may come before it is waited for. */
function count(listen: (come: () => void) => void): () => Promise<void> {
  let ahead = 0;
  let wake: (() => void) | undefined;
  listen(() => {
    if (wake === undefined) ahead += 1;
    else wake();
    wake = undefined;
  });
  return async () => {
    if (ahead > 0) ahead -= 1;
    else await new Promise<void>((resolve) => (wake = resolve));
  };
}
const untilKey = count((come) => process.stdin.on('data', come));
const untilSize = count((come) => process.stdout.on('resize', come));
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
