// Builds the three parts of the package:
//   dist/lib         the library: one module a source file, with types (tsc)
//   dist/cli         the program: CommonJS, in packs so that a command loads only what it uses, with code caches
//   dist/cli/views   what draws: ES modules (Ink uses top-level await), reached by import() alone
// CommonJS because an ES entry starts 4-5 ms later; esbuild splits only ES modules, so the chunks are made as
// ES modules first and each is then turned into CommonJS.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { packChunks } from './build/packs.js';
import { quickInk } from './build/quick-ink.js';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const out = path.join(root, 'dist', 'cli');
const outViews = path.join(out, 'views');
const VIEW_IMPORT = /(^|\/)views\/([\w-]+)\.js$/;

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.18',
  // Nothing but ASCII comes out, which is read and compiled sooner.
  charset: 'ascii',
  // Fixed here: the development build of React does the work twice.
  define: { 'process.env.NODE_ENV': '"production"' },
  logLevel: 'warning',
  legalComments: 'none',
};

/** Leaves `import('../views/x.js')` in place, pointing at the built view. */
const viewsStayOutside = {
  name: 'views-stay-outside',
  setup(build) {
    build.onResolve({ filter: VIEW_IMPORT }, (args) => {
      if (args.kind !== 'dynamic-import' || args.namespace !== 'file') return undefined;
      const name = VIEW_IMPORT.exec(args.path)[2];
      return { path: `./views/${name}.mjs`, external: true };
    });
  },
};

/**
 * What is only asked for where we never go: Ink loads react-devtools-core when DEV is set, the MCP client jose to sign in
 * by OAuth, which nobody can configure.
 */
const notNeeded = {
  name: 'not-needed',
  setup(build) {
    const filter = /^(?:react-devtools-core|jose)$/;
    build.onResolve({ filter }, (args) => ({ path: args.path, namespace: 'empty' }));
    build.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: 'export default {}' }));
  },
};

/** cosmiconfig's loaders of code, and its list of files that run as code, are not even in the bundle. */
const noCodeLoaders = {
  name: 'no-code-loaders',
  setup(build) {
    build.onLoad({ filter: /cosmiconfig.dist.defaults\.js$/ }, () => ({
      contents: 'exports.globalConfigSearchPlaces = [];',
    }));
    build.onLoad({ filter: /cosmiconfig.dist.loaders\.js$/ }, (args) => ({
      resolveDir: path.dirname(args.path),
      contents: 'exports.loadYaml = (file, text) => require("js-yaml").load(text);',
    }));
  },
};

/** What stays a package: undici is loaded only behind a proxy, the others only by the gateway. */
const external = ['undici', 'typescript', 'fastify', '@fastify/swagger', 'prom-client'];

async function buildProgram() {
  const { outputFiles, metafile } = await esbuild.build({
    ...common,
    entryPoints: { start: path.join(root, 'src', 'main.ts') },
    format: 'esm',
    splitting: true,
    outdir: out,
    write: false,
    metafile: true,
    external,
    plugins: [viewsStayOutside, noCodeLoaders, notNeeded, quickInk],
  });
  const chunks = new Map();
  for (const file of outputFiles) {
    const output = metafile.outputs[path.relative(root, file.path).replaceAll('\\', '/')];
    const needed = output.imports.filter(
      ({ kind, external }) => kind === 'import-statement' && external !== true,
    );
    chunks.set(path.basename(file.path), {
      entry: output.entryPoint ?? '',
      imports: needed.map((chunk) => path.basename(chunk.path)),
      exports: output.exports,
      code: file.text,
    });
  }
  mkdirSync(out, { recursive: true });
  writeFileSync(path.join(out, 'package.json'), '{ "type": "commonjs" }\n');
  const packs = await packChunks(chunks, { ...common, external });
  for (const [name, text] of packs) {
    // `charset` leaves regular expressions as they are, and bin/ reads the packs as latin1, which is sooner done.
    const ascii = text.replace(
      /[^\0-\x7f]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
    writeFileSync(path.join(out, name), ascii);
  }
}

async function buildViews() {
  const views = path.join(root, 'src', 'views');
  const entryPoints = readdirSync(views)
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => path.join(views, name));
  await esbuild.build({
    ...common,
    entryPoints,
    format: 'esm',
    splitting: true,
    outdir: outViews,
    outExtension: { '.js': '.mjs' },
    plugins: [notNeeded, quickInk],
    jsx: 'automatic',
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);",
    },
  });
}

function buildLibrary() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  execFileSync(process.execPath, [tsc, '-p', 'tsconfig.lib.json'], { cwd: root, stdio: 'inherit' });
}

/** A program of its own: caches hold what has run. Without them all works as well, only later. */
function buildCodeCaches() {
  execFileSync(process.execPath, [path.join(root, 'scripts', 'build', 'code-cache.js')], {
    stdio: 'inherit',
  });
}

rmSync(path.join(root, 'dist'), { recursive: true, force: true });
await buildProgram();
await buildViews();
buildCodeCaches();
buildLibrary();
