import type { AutoNeed } from '../config/schema.js';

/** What a prompt brings along. */
export interface Prompt {
  readonly images: boolean;
  readonly tools: boolean;
  readonly text: string;
}

const CODE_WORDS = [
  ...[
    'algorithm',
    'api',
    'bash',
    'bug',
    'code',
    'compile',
    'compiler',
    'css',
    'debug',
    'dockerfile',
    'function',
  ],
  ...[
    'git',
    'golang',
    'html',
    'java',
    'javascript',
    'json',
    'kotlin',
    'linter',
    'nodejs',
    'npm',
    'php',
    'pytest',
  ],
  ...[
    'python',
    'react',
    'refactor',
    'regex',
    'rust',
    'sql',
    'stacktrace',
    'swift',
    'typescript',
    'unittest',
    'yaml',
  ],
];

/** What tells that a prompt is about code, each by itself; the words need a second one beside them. */
const CODE_SIGNS: readonly RegExp[] = [
  /^[ \t]*(?:```|~~~)/m,
  /[\w-]\.(?:c|cc|cpp|cs|css|go|h|hpp|html|java|js|jsx|json|kt|lua|mjs|php|pl|py|rb|rs|sh|sql|swift|ts|tsx|vue|ya?ml|zig)\b/,
  /^[ \t]*(?:import \S.{0,200} from |#include\b|(?:public |private |export |async ){0,4}(?:class|def|fn|func|function|interface) \w+)/m,
  /^[ \t]*(?:Traceback \(most recent call last\)|at [^\n(]{1,200}\([^\n():]{1,200}:\d+:\d+\))/m,
  /=>|;[ \t]*$|\)[ \t]*\{[ \t]*$/m,
];

const WORD = /[\p{L}\p{N}]+/gu;
const MOST_READ = 20_000;

/** What a prompt needs of a model, the rarest ability first: an image, functions, code, or nothing special. Pure. */
export function findNeed({ images, tools, text }: Prompt): AutoNeed {
  if (images) return 'image';
  if (tools) return 'tools';
  return isAboutCode(text.slice(0, MOST_READ)) ? 'code' : 'rest';
}

function isAboutCode(text: string): boolean {
  if (CODE_SIGNS.some((sign) => sign.test(text))) return true;
  const words = new Set(text.toLowerCase().match(WORD) ?? []);
  return CODE_WORDS.filter((word) => words.has(word)).length >= 2;
}
