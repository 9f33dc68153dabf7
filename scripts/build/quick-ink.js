// Ink puts a frame together character by character and forgets all of it: for a view of ten lines at a few frames a
// second that is most of what it costs. Most frames are whole lines one below the other, and most of these were in the
// frame before, so the bundled Ink keeps what it made of a line. Anything else is drawn the way it always was.
import { readFileSync } from 'node:fs';

const KEPT = `
const keptRows = new Map();
let keptCaches = new OutputCaches();

function drawRow(line) {
    let row = keptRows.get(line);
    if (row === undefined) {
        if (keptRows.size >= 500) {
            keptRows.clear();
            keptCaches = new OutputCaches();
        }
        row = styledCharsToString(keptCaches.getStyledChars(line)).trimEnd();
        keptRows.set(line, row);
    }
    return row;
}

function drawRows(operations, height) {
    const rows = new Array(height).fill('');
    const taken = new Set();
    for (const { type, x, y, text, transformers } of operations) {
        if (type !== 'write' || x !== 0 || taken.has(y) || y >= height || text.includes('\\n')) return undefined;
        taken.add(y);
        rows[y] = drawRow(transformers.reduce((line, transform) => transform(line, 0), text));
    }
    return { output: rows.join('\\n'), height };
}

export default class Output`;

const CHANGES = [
  ['export default class Output', KEPT],
  [
    '    get() {\n',
    '    get() {\n        const drawn = drawRows(this.operations, this.height);\n        if (drawn !== undefined) return drawn;\n',
  ],
];

/** The esbuild plugin. Fails the build where Ink's source is not what this was made for. */
export const quickInk = {
  name: 'quick-ink',
  setup(build) {
    build.onLoad({ filter: /[\\/]ink[\\/]build[\\/]output\.js$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
      const contents = CHANGES.reduce((text, [from, to]) => {
        if (text.split(from).length !== 2) throw new Error(`${path} has not one "${from.trim()}" any more`);
        return text.replace(from, () => to);
      }, source);
      return { contents, loader: 'js' };
    });
  },
};
