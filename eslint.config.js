import path from 'node:path';
import { defineConfig } from 'eslint/config';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

/**
 * What each part of src may import, besides its own folder; the longest key that fits a file counts.
 * `node:` is every built-in module but node:process. Files of src/views are reached by `import()` alone, from anywhere.
 */
const MAY_IMPORT = {
  // What the program is put together from.
  'src/io.ts': ['node:stream'],
  'src/version.ts': [],
  'src/flags.ts': ['commander'],
  'src/failure.ts': ['src/advice.ts', 'src/next-step.ts', 'src/core', 'src/format'],
  'src/advice.ts': ['src/advise-memory.ts', 'src/next-step.ts', 'src/core', 'src/format'],
  'src/advise-memory.ts': ['src/next-step.ts', 'src/core', 'src/format'],
  'src/next-step.ts': ['src/core', 'src/format'],
  'src/look-up-facts.ts': [
    ...['src/next-step.ts', 'src/context.ts', 'src/config/host-text.ts', 'src/core', 'src/format'],
    'src/models/smaller.ts',
  ],
  'src/help-topics.ts': ['src/failure.ts'],
  'src/context.ts': [
    'src/start-server.ts',
    'src/health/remember.ts',
    'src/hosts',
    'src/flags.ts',
    'src/io.ts',
    'src/config',
    'src/core',
    'src/format',
    'src/output',
    'node:',
  ],
  'src/consent.ts': ['src/context.ts', 'src/config', 'src/core', 'src/format', 'src/output'],
  'src/tell-failure.ts': ['src/failure.ts', 'src/io.ts', 'src/format', 'src/output'],
  'src/open-display.ts': ['src/context.ts', 'src/output'],
  'src/show-pull.ts': [
    ...['src/context.ts', 'src/open-display.ts', 'src/core', 'src/output', 'src/pulls/look-up.ts'],
  ],
  'src/tell-transfer.ts': [
    'src/context.ts',
    'src/failure.ts',
    'src/show-pull.ts',
    'src/core',
    'src/output',
    'src/pulls',
  ],
  'src/tell-create-plan.ts': ['src/context.ts', 'src/core', 'src/format', 'src/modelfile', 'src/output'],
  'src/tell-check.ts': ['src/context.ts', 'src/failure.ts', 'src/core', 'src/models', 'src/output'],
  'src/export-installed.ts': [
    ...['src/consent.ts', 'src/context.ts', 'src/config', 'src/core', 'src/format', 'src/models'],
    ...['src/output', 'node:'],
  ],
  'src/copy-model.ts': [
    ...['src/consent.ts', 'src/context.ts', 'src/core', 'src/format', 'src/models/words.ts', 'src/output'],
  ],
  'src/registry.ts': ['src/context.ts', 'src/core', 'src/format'],
  'src/command.ts': ['src/context.ts', 'src/io.ts', 'commander'],
  'src/program.ts': [
    'src/command.ts',
    'src/commands',
    'src/context.ts',
    'src/failure.ts',
    'src/flags.ts',
    'src/io.ts',
    'src/output',
    'commander',
  ],
  'src/main.ts': [
    ...[
      'src/program.ts',
      'src/context.ts',
      'src/failure.ts',
      'src/flags.ts',
      'src/help-topics.ts',
      'src/tell-failure.ts',
      'src/version.ts',
    ],
    ...['src/io.ts', 'src/look-up-facts.ts', 'src/core/errors.ts', 'src/format', 'src/output', 'commander'],
  ],
  'src/index.ts': [
    'src/core',
    'src/providers',
    'src/editor-tools/functions.ts',
    'src/output/pull-reporter.ts',
  ],

  // The core: the library, which knows no terminal and no program around it.
  'src/core': ['node:'],
  'src/core/client.ts': ['node:', 'node:process'], // OLLAMA_HOST, for a library that is given no address
  'src/core/transport-proxy.ts': ['node:', 'undici'],
  'src/format': ['string-width'],

  'src/config': ['src/io.ts', 'src/core', 'src/format', 'cosmiconfig', 'yaml', 'node:'],
  'src/output': ['src/io.ts', 'src/core', 'src/format', 'chalk', 'cli-progress', 'node:'],
  'src/output/pull-reporter.ts': ['src/io.ts', 'src/core', 'src/format', 'node:', 'node:process'], // the library's stderr
  'src/chat': [
    'src/providers',
    ...['src/consent.ts', 'src/context.ts', 'src/failure.ts', 'src/io.ts', 'src/show-pull.ts'],
    ...['src/advise-memory.ts', 'src/next-step.ts', 'src/start-server.ts', 'src/markdown', 'src/sessions'],
    'src/tools',
    ...['src/attachments', 'src/config', 'src/core', 'src/format', 'src/models', 'src/output', 'node:'],
  ],
  // Files and images that go with a message.
  'src/attachments': ['src/io.ts', 'src/config', 'src/core', 'src/format', 'src/models', 'node:'],
  // With whom a conversation begins, and with what: flags, presets, the choice of a model, the kept one that goes on.
  'src/opening': [
    'src/health/look.ts',
    'src/providers',
    ...['src/consent.ts', 'src/context.ts', 'src/show-pull.ts', 'src/start-server.ts'],
    ...['src/chat', 'src/config', 'src/core', 'src/format', 'src/models', 'src/output', 'src/sessions'],
    ...['src/tools', 'node:'],
  ],
  // One answer and out, many of them, and vectors.
  'src/answers': [
    'src/providers',
    ...['src/consent.ts', 'src/context.ts', 'src/failure.ts', 'src/io.ts', 'src/look-up-facts.ts'],
    ...['src/attachments', 'src/chat', 'src/config', 'src/core', 'src/format', 'src/markdown', 'src/models'],
    ...['src/opening', 'src/output', 'src/sessions', 'src/tools', 'node:'],
  ],
  // JSON Schema as it is published; ours would be a worse one.
  'src/answers/check-schema.ts': ['src/core', 'src/format', 'ajv'],
  // A model's answer as rows of a terminal.
  'src/markdown': ['src/io.ts', 'src/format', 'src/output', 'marked', 'highlight.js'],
  // Kept conversations.
  'src/sessions': [
    ...['src/consent.ts', 'src/context.ts', 'src/failure.ts', 'src/io.ts', 'src/config', 'src/core'],
    ...['src/format', 'src/models', 'src/output', 'node:'],
  ],
  // Functions of MCP servers, and the turns in which a model calls them.
  'src/tools': [
    ...['src/context.ts', 'src/failure.ts', 'src/io.ts', 'src/version.ts'],
    ...['src/config', 'src/core', 'src/format', 'node:', '@modelcontextprotocol/client'],
  ],
  // A started server ends with all that it has started, which is only reached by the number of its group.
  'src/tools/process-transport.ts': ['node:', 'node:process', '@modelcontextprotocol/client'],
  'src/start-server.ts': ['src/context.ts', 'src/io.ts', 'src/config', 'src/core', 'src/format', 'node:'],
  // Several pulls as one piece of work: what is to be done, whether it may begin, side by side, told as one.
  'src/pulls': [
    ...['src/next-step.ts', 'src/consent.ts', 'src/context.ts', 'src/failure.ts', 'src/io.ts'],
    ...['src/registry.ts', 'src/open-display.ts', 'src/tell-failure.ts'],
    ...['src/config', 'src/core', 'src/format', 'src/models', 'src/output', 'node:'],
  ],
  'src/modelfile': ['src/chat/parameters.ts', 'src/core', 'src/format', 'node:'],
  // The installed models as a library to keep in order: use, memory, disk, integrity, age.
  'src/models': [
    'src/context.ts',
    'src/io.ts',
    'src/registry.ts',
    'src/config',
    'src/core',
    'src/format',
    'node:',
  ],
  // Looking for models that are not here: several sources asked as one.
  // YAML with the place of each mistake; cosmiconfig's reader tells none.
  'src/models/sync-file.ts': ['src/core', 'src/format', 'node:', 'yaml'],
  'src/search': [
    ...['src/context.ts', 'src/failure.ts', 'src/registry.ts'],
    ...['src/config', 'src/core', 'src/format', 'src/output', 'node:'],
  ],
  // Providers besides Ollama's own API, and who answers when one can't. The library's too: no program around it.
  'src/providers': ['src/core', 'src/format', 'node:'],
  // What the configuration says of them.
  'src/providers/configured.ts': [
    'src/context.ts',
    'src/io.ts',
    'src/config',
    'src/core',
    'src/format',
    'node:',
  ],
  // The person's own file of them.
  'src/providers/edit.ts': [
    ...['src/context.ts', 'src/config', 'src/core', 'src/format', 'src/hosts', 'src/output'],
  ],
  // Named hosts: their file, their secrets, and one question for many of them.
  'src/hosts': [
    ...['src/consent.ts', 'src/context.ts', 'src/failure.ts', 'src/io.ts', 'src/tell-failure.ts'],
    ...['src/next-step.ts', 'src/config', 'src/core', 'src/format', 'src/output', 'node:', 'yaml'],
    ...['src/models', 'src/pulls'],
  ],
  // Why a server is not well, and waiting until it is.
  'src/health': [
    ...['src/context.ts', 'src/failure.ts', 'src/io.ts', 'src/next-step.ts', 'src/version.ts'],
    ...['src/config', 'src/core', 'src/format', 'src/hosts', 'src/models', 'src/output', 'node:'],
  ],
  'src/health/system.ts': ['src/context.ts', 'src/version.ts', 'src/core', 'node:', 'node:process'], // Node's version
  // The REST gateway.
  'src/gateway': [
    ...['src/failure.ts', 'src/version.ts', 'src/core', 'src/format', 'src/models', 'src/providers'],
    'src/output/pull-json.ts',
    ...['node:', 'fastify', '@fastify/swagger', 'prom-client'],
  ],
  // What an editor asks of a client; the server of the MCP, and the same as functions of the library.
  'src/editor-tools': [
    ...['src/consent.ts', 'src/context.ts', 'src/failure.ts', 'src/io.ts', 'src/version.ts', 'src/config'],
    ...['src/chat/answering.ts', 'src/opening/answering.ts', 'src/pulls'],
    ...['src/core', 'src/format', 'src/models', 'src/output', '@modelcontextprotocol/server', 'node:'],
  ],
  'src/editor-tools/functions.ts': ['src/core', 'src/format'],
  'src/commands': [
    ...['src/editor-tools', 'src/gateway', 'src/health', 'src/hosts', 'src/providers'],
    ...['src/next-step.ts', 'src/command.ts', 'src/consent.ts', 'src/context.ts', 'src/failure.ts'],
    ...['src/io.ts', 'src/look-up-facts.ts', 'src/registry.ts', 'src/show-pull.ts', 'src/tell-failure.ts'],
    ...['src/copy-model.ts', 'src/export-installed.ts', 'src/tell-check.ts'],
    ...['src/tell-create-plan.ts', 'src/tell-transfer.ts'],
    ...['src/answers', 'src/attachments', 'src/chat', 'src/opening'],
    ...['src/config', 'src/core', 'src/format', 'src/modelfile', 'src/models', 'src/output'],
    ...[
      'src/sessions',
      'src/start-server.ts',
      'src/tools',
      'src/pulls',
      'src/sandbox',
      'src/search',
      'commander',
      'node:',
    ],
  ],
  'src/views': [
    ...['src/io.ts', 'src/chat', 'src/config', 'src/core', 'src/format', 'src/markdown', 'src/models'],
    ...['src/output', 'src/tools', 'node:'],
    ...['ink', 'ink-spinner', 'react', 'chalk'],
  ],
  'src/sandbox': ['src/core', 'src/format', 'node:'],
};
/** Commands are told apart by their files: what two of them share belongs below them. */
const NOT_ONE_ANOTHER = ['src/commands'];

const isWithin = (file, place) =>
  file === place || file.startsWith(place.endsWith(':') ? place : `${place}/`);

/** @type {import('eslint').Rule.RuleModule} */
const importsByFolder = {
  meta: { type: 'problem', schema: [] },
  create(context) {
    const file = path.relative(context.cwd, context.filename).replaceAll('\\', '/');
    const key = Object.keys(MAY_IMPORT)
      .filter((place) => isWithin(file, place))
      .sort((a, b) => b.length - a.length)[0];
    const check = (node, { isDynamic = false, isType = false } = {}) => {
      const source = node.source?.value;
      if (typeof source !== 'string') return;
      const isOurs = source.startsWith('.');
      const target = isOurs
        ? path.posix.join(path.posix.dirname(file), source).replace(/\.js$/, '.ts')
        : /^(node:.*|@[^/]+\/[^/]+|[^/]+)/.exec(source)[0];
      const report = (why) => context.report({ node, message: `${file} may not import ${source}: ${why}` });
      if (isWithin(target, 'src/views') && !isWithin(file, 'src/views')) {
        if (!isDynamic && !isType)
          report('views are reached by import() alone, so that Ink loads only where it draws');
        return;
      }
      if (key === undefined) return report('its folder has no row in MAY_IMPORT (eslint.config.js)');
      const ownFolder = path.posix.extname(key) === '' ? key : path.posix.dirname(key);
      if (ownFolder !== 'src' && !NOT_ONE_ANOTHER.includes(ownFolder) && isWithin(target, ownFolder)) return;
      const fits = (place) => isWithin(target, place) && !(place === 'node:' && target === 'node:process');
      if (!MAY_IMPORT[key].some(fits)) report('see MAY_IMPORT (eslint.config.js) and ARCHITECTURE.md');
    };
    return {
      ImportDeclaration: (node) => check(node, { isType: node.importKind === 'type' }),
      ExportNamedDeclaration: (node) => check(node, { isType: node.exportKind === 'type' }),
      ExportAllDeclaration: (node) => check(node),
      ImportExpression: (node) => check(node, { isDynamic: true }),
    };
  },
};

const NO_EXIT = {
  selector: "MemberExpression[object.name='process'][property.name=/^(exit|reallyExit|abort)$/]",
  message: 'Set the exit code and let what is written go out; only bin/ ends the process.',
};
const NO_DEFAULT_EXPORT = {
  selector: 'ExportDefaultDeclaration, ExportSpecifier[exported.name="default"]',
  message: 'Export by name.',
};
const nodeGlobals = Object.fromEntries(
  [
    'process',
    'console',
    'performance',
    'Buffer',
    'URL',
    'AbortController',
    'setTimeout',
    'clearTimeout',
    'fetch',
    'setImmediate',
  ].map((name) => [name, 'readonly']),
);

export default defineConfig(
  { ignores: ['dist/', 'coverage/', 'test/fixtures/'] },
  {
    linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' },
    plugins: { ts: tseslint.plugin },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-restricted-syntax': ['error', NO_EXIT],
    },
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      'ts/no-floating-promises': 'error',
      'ts/no-misused-promises': 'error',
      'ts/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      'ts/no-explicit-any': 'error',
      'ts/no-non-null-assertion': 'error',
      'ts/consistent-type-imports': 'error',
      'ts/no-unused-vars': ['error', { argsIgnorePattern: '^_', destructuredArrayIgnorePattern: '^_' }],
    },
  },
  {
    files: ['src/**', 'test/**'],
    rules: { 'no-restricted-syntax': ['error', NO_EXIT, NO_DEFAULT_EXPORT] },
  },
  {
    files: ['src/**'],
    plugins: { project: { rules: { imports: importsByFolder } } },
    rules: {
      'project/imports': 'error',
      'no-console': 'error',
      'no-restricted-globals': [
        'error',
        {
          globals: [{ name: 'process', message: 'It comes in through Io (src/io.ts).' }],
          checkGlobalObject: true,
        },
      ],
    },
  },
  {
    files: ['src/views/**'],
    plugins: { 'react-hooks': reactHooks },
    rules: { 'react-hooks/rules-of-hooks': 'error', 'react-hooks/exhaustive-deps': 'error' },
  },
  {
    files: ['**/*.js'],
    languageOptions: { globals: nodeGlobals },
    rules: {
      'no-undef': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
    },
  },
  {
    // Old Nodes have to read it before it can tell them that they are too old.
    files: ['bin/**'],
    languageOptions: {
      sourceType: 'commonjs',
      ecmaVersion: 2017,
      globals: { ...nodeGlobals, require: 'readonly', __dirname: 'readonly' },
    },
    rules: { 'no-restricted-syntax': 'off' },
  },
);
