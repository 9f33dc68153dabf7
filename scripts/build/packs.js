// Puts the chunks that esbuild made into few files. A file that is looked for, opened and compiled costs more than what
// it holds, so what every command needs is one pack, and the rest of the commands another; a chunk that only some
// commands reach for stays a file of its own.
import { readFileSync } from 'node:fs';

/** What is read at every start, and what `--help` and the other commands read besides. */
const PACKS = [
  { file: 'program.js', entries: [/^src\/main\.ts$/, /^src\/commands\/list\.ts$/] },
  { file: 'commands.js', entries: [/^src\/commands\//] },
];

/** Which file each chunk goes to. `chunks`: from the chunk's name to its entry point and the chunks that it imports. */
function assignFiles(chunks) {
  const files = new Map();
  const take = (name, file) => {
    if (files.has(name)) return;
    files.set(name, file);
    for (const needed of chunks.get(name).imports) take(needed, file);
  };
  for (const { file, entries } of PACKS) {
    for (const [name, { entry }] of chunks)
      if (entries.some((pattern) => pattern.test(entry))) take(name, file);
  }
  for (const name of chunks.keys()) if (!files.has(name)) files.set(name, name);
  return files;
}

/**
 * Node's own modules are loaded when the code first uses them: `https` brings TLS along, `child_process` and the
 * promises of `fs` half of the rest, and listing the models of a local server needs none of them.
 */
function loadNodeLate(esm) {
  const code = esm.replaceAll(/\(0, import_\w+\.__require\)\(/g, 'require(');
  const names = [];
  const late = code.replace(
    /^( *)var (import_\w+|childProcess) = (.*\brequire\("node:[\w/]+"\).*);$/gm,
    (_, indent, name, value) => {
      names.push(name);
      return `${indent}var ${name}_, ${name} = () => ${name}_ ??= ${value};`;
    },
  );
  return names.reduce((text, name) => text.replaceAll(new RegExp(`\\b${name}\\.`, 'g'), `${name}().`), late);
}

/**
 * Makes the files: from name to text. Each is an expression, a function that gives a table of modules, so that the
 * loader can compile it from a code cache.
 * @param {Map<string, {entry: string, imports: string[], code: string}>} chunks CommonJS texts by name
 */
export function packChunks(chunks) {
  const files = assignFiles(chunks);
  const tables = new Map();
  for (const [name, { code }] of chunks) {
    // A view, being an ES module, is really imported, which code from a cache cannot do by itself.
    const text = loadNodeLate(code)
      .replace(/^"use strict";\n/, '')
      .replace(/\bimport\(("\.\/views\/[^"]+\.mjs")\)/g, 'importView($1)')
      .replace(/\bimport\(("(?:\.\/|node:)[^"]+")\)/g, 'Promise.resolve().then(() => require($1))');
    const file = files.get(name);
    tables.set(file, `${tables.get(file) ?? ''}"./${name}"(exports, require, module) {\n${text}},\n`);
  }
  const packed = [...tables].map(([file, table]) => [file, `"use strict";(importView) => ({\n${table}})\n`]);
  const elsewhere = [...files].filter(([name, file]) => name !== file);
  const index = JSON.stringify(
    Object.fromEntries(elsewhere.map(([name, file]) => [`./${name}`, `./${file}`])),
  );
  const loader = readFileSync(new URL('./loader.cjs', import.meta.url), 'utf8');
  return new Map([...packed, ['main.js', loader.replace('FILES = {}', () => `FILES = ${index}`)]]);
}
