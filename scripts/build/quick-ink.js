// Changes to the bundled copies of what draws, each for its cost: a view of ten lines at four frames a second has a few
// hundredths of a core. What comes out of them is the same. A package that has changed meanwhile fails the build.
import { readFileSync } from 'node:fs';
import stringWidth from 'string-width';

/**
 * Ink puts a frame together character by character and forgets all of it. Most frames are whole lines one below the
 * other, and most of these were in the frame before: what was made of a line is kept. Anything else is drawn as ever.
 */
const KEPT_ROWS = `
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

/** Characters of one cell each that never join into clusters: Latin, punctuation, box drawing, ticks, Braille. */
const SINGLE_CELLS = [
  [0x20, 0x7e],
  [0xa0, 0xac],
  [0xae, 0x17f],
  [0x2010, 0x2027],
  [0x2500, 0x259f],
  [0x25b8, 0x25b8],
  [0x2713, 0x2718],
  [0x2800, 0x28ff],
];

function singleCells() {
  const escape = (code) => `\\u${code.toString(16).padStart(4, '0')}`;
  for (const [from, to] of SINGLE_CELLS) {
    for (let code = from; code <= to; code += 1) {
      if (stringWidth(String.fromCodePoint(code)) !== 1)
        throw new Error(`${escape(code)} is not one cell wide`);
    }
  }
  return SINGLE_CELLS.map(([from, to]) => `${escape(from)}-${escape(to)}`).join('');
}

const CHANGES = [
  {
    file: /[\\/]ink[\\/]build[\\/]output\.js$/,
    changes: [
      ['export default class Output', KEPT_ROWS],
      [
        '    get() {\n',
        '    get() {\n        const drawn = drawRows(this.operations, this.height);\n        if (drawn !== undefined) return drawn;\n',
      ],
    ],
  },
  {
    // A string of such characters is as wide as it is long: no segmenter, and no tables of emoji, which take their time
    // to be made. By default only, as some of these are ambiguous.
    file: /[\\/]node_modules[\\/]string-width[\\/]index\.js$/,
    changes: [
      [
        'if (/^[\\u0020-\\u007E]*$/.test(string))',
        `if (ambiguousIsNarrow ? /^[${singleCells()}]*$/.test(string) : /^[\\u0020-\\u007E]*$/.test(string))`,
      ],
    ],
  },
  {
    // Yoga's loader would fetch() the WASM that it has in itself, for which Node loads all of undici.
    file: /[\\/]yoga-layout[\\/]dist[\\/]binaries[\\/]yoga-wasm-base64-esm\.js$/,
    changes: [
      ['return w||"function"!=typeof fetch?', 'return true?'],
      ['ua(H)||"function"!=typeof fetch?', 'true?'],
      [
        '"function"==typeof atob?atob:',
        '(text) => Buffer.from(text, "base64").toString("latin1");var unused=',
      ],
    ],
  },
];

/** The esbuild plugin. */
export const quickInk = {
  name: 'quick-ink',
  setup(build) {
    for (const { file, changes } of CHANGES) {
      build.onLoad({ filter: file }, ({ path }) => {
        // Older copies below other packages stay as they are.
        if (path.split('node_modules').length > 2) return undefined;
        const source = readFileSync(path, 'utf8').replaceAll('\r\n', '\n');
        const contents = changes.reduce((text, [from, to]) => {
          if (text.split(from).length !== 2) throw new Error(`${path} has not one "${from.trim()}" any more`);
          return text.replace(from, () => to);
        }, source);
        return { contents, loader: 'js' };
      });
    }
  },
};
