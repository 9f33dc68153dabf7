// Puts the chunks that esbuild made into few files. A file that is looked for, opened and compiled costs more than what
// it holds, so what every command needs is one pack, and the rest of the commands another; a chunk that only some
// commands reach for stays a file of its own. Within a pack the chunks are one scope: names, not exports looked up.
import { readFileSync } from 'node:fs';
import * as esbuild from 'esbuild';

/**
 * What is read at every start; what the other commands share, with the one that scripts call most; those commands, which
 * `--help` reads too; what a list mostly does; and what an answer into a pipe takes.
 */
const PACKS = [
  { file: 'program.js', entries: [/^src\/main\.ts$/, /^src\/commands\/list\.ts$/] },
  { file: 'chat.js', entries: [/^src\/commands\/chat\.ts$/] },
  { file: 'commands.js', entries: [/^src\/commands\//] },
  { file: 'details.js', entries: [/^src\/models\/(details|shared)\.ts$/] },
  {
    file: 'answer.js',
    entries: [
      /^src\/(opening\/opening|answers\/(compose-prompt|one-shot|text-outlet|sinks|keep-turn))\.ts$/,
      /^src\/(tools\/run-turn|sessions\/recorder|models\/usage|core\/window|output\/stdin)\.ts$/,
    ],
  },
];

/** Which file each chunk goes to. */
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

/** A module that imports what the chunks of a pack export, and gives it out again by the chunk's name, once asked. */
function writeEntry(names, chunks) {
  const imports = [];
  const table = [];
  for (const [chunk, name] of names.entries()) {
    const list = chunks.get(name).exports.map((exported, index) => [exported, `give_${chunk}_${index}`]);
    imports.push(`import { ${list.map(([from, as]) => `${from} as ${as}`).join(', ')} } from "./${name}";`);
    const getters = list.map(([from, as]) => `get ${from}() { return ${as}; }`);
    table.push(`"./${name}": () => ({ ${getters.join(', ')} }),`);
  }
  return `${imports.join('\n')}\nexport const table = {\n${table.join('\n')}\n};\n`;
}

async function bundlePack(names, chunks, options) {
  const chunksOfPack = {
    name: 'chunks-of-pack',
    setup(build) {
      build.onResolve({ filter: /^\.\/[\w-]+\.js$/ }, ({ path, kind }) => {
        const name = path.slice(2);
        // What is imported late is asked of the loader, wherever it is.
        if (kind !== 'import-statement' || !names.includes(name)) return { path, external: true };
        return { path: name, namespace: 'chunk' };
      });
      build.onResolve({ filter: /^\.\/views\// }, ({ path }) => ({ path, external: true }));
      build.onLoad({ filter: /.*/, namespace: 'chunk' }, ({ path }) => ({ contents: chunks.get(path).code }));
    },
  };
  const { outputFiles } = await esbuild.build({
    ...options,
    bundle: true,
    write: false,
    format: 'cjs',
    stdin: { contents: writeEntry(names, chunks) },
    plugins: [chunksOfPack],
  });
  return outputFiles[0].text;
}

/**
 * Node's own modules are loaded when the code first uses them: `https` brings TLS along, `child_process` and the
 * promises of `fs` half of the rest, and listing the models of a local server needs none of them.
 */
function loadNodeLate(code) {
  const names = [];
  const late = code
    .replaceAll(/\b__require(?=\("node:)/g, 'require')
    .replace(
      /^( *)var (import_\w+|childProcess) = (.*\brequire\("node:[\w/]+"\).*);$/gm,
      (_, indent, name, value) => {
        names.push(name);
        return `${indent}var ${name}_, ${name} = () => ${name}_ ??= ${value};`;
      },
    );
  // In brackets: `new module().Class()` would be a `new module()`.
  return names.reduce(
    (text, name) => text.replaceAll(new RegExp(`\\b${name}\\.`, 'g'), `(${name}()).`),
    late,
  );
}

/**
 * Makes the files: from name to text. Each is an expression, the function that Node makes of a CommonJS module, so that
 * the loader can compile it from a code cache.
 * @param {Map<string, {entry: string, imports: string[], exports: string[], code: string}>} chunks ES modules by name
 * @param {object} options esbuild's, the same for all
 */
export async function packChunks(chunks, options) {
  const files = assignFiles(chunks);
  const packed = new Map();
  for (const file of new Set(files.values())) {
    const names = [...chunks.keys()].filter((name) => files.get(name) === file);
    // A view, being an ES module, is really imported, which code from a cache cannot do by itself.
    const text = loadNodeLate(await bundlePack(names, chunks, options))
      .replace(/^"use strict";\n/, '')
      .replace(/\bimport\(("\.\/views\/[^"]+\.mjs")\)/g, 'importView($1)')
      .replace(/\bimport\(("(?:\.\/|node:)[^"]+")\)/g, 'Promise.resolve().then(() => require($1))');
    const expression = `"use strict";(function (exports, require, module, importView) {\n${text}})\n`;
    // A third less to read; the names stay, for the traces of --debug.
    const { code } = await esbuild.transform(expression, { minifyWhitespace: true, lineLimit: 120 });
    packed.set(file, code);
  }
  const elsewhere = [...files].filter(([name, file]) => name !== file);
  const index = JSON.stringify(
    Object.fromEntries(elsewhere.map(([name, file]) => [`./${name}`, `./${file}`])),
  );
  const loader = readFileSync(new URL('./loader.cjs', import.meta.url), 'utf8');
  return packed.set(
    'main.js',
    loader.replace('FILES = {}', () => `FILES = ${index}`),
  );
}
