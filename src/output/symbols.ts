import type { Io } from '../io.js';

/** The few signs that this program draws with. */
export interface Symbols {
  readonly barFull: string;
  /** The tip of a bar that ends within a cell. */
  readonly barHalf: string;
  readonly barEmpty: string;
  readonly check: string;
  readonly cross: string;
  readonly warn: string;
  readonly prompt: string;
  readonly ellipsis: string;
  /** Stands where a value is not known yet. */
  readonly dash: string;
  /** Between the parts of a line. */
  readonly dot: string;
  /** Before what is folded away. */
  readonly fold: string;
  readonly spinner: readonly string[];
}

const UNICODE: Symbols = {
  barFull: '━',
  barHalf: '╸',
  barEmpty: '─',
  check: '✓',
  cross: '✗',
  warn: '!',
  prompt: '›',
  ellipsis: '…',
  dash: '—',
  dot: '·',
  fold: '▸',
  spinner: ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'],
};

const ASCII: Symbols = {
  barFull: '#',
  barHalf: '#',
  barEmpty: '-',
  check: '[ok]',
  cross: '[x]',
  warn: '[!]',
  prompt: '>',
  ellipsis: '...',
  dash: '-',
  dot: '-',
  fold: '+',
  spinner: ['-', '\\', '|', '/'],
};

/** The signs, in Unicode or in ASCII forms of the same meaning. */
export function symbols(unicode: boolean): Symbols {
  return unicode ? UNICODE : ASCII;
}

const WINDOWS_TERMS = new Set(['xterm-256color', 'alacritty', 'rxvt-unicode', 'rxvt-unicode-256color']);
const WINDOWS_PROGRAMS = new Set(['vscode', 'Terminus-Sublime']);

function windowsHasUnicode(env: Io['env']): boolean {
  return (
    Boolean(env['WT_SESSION'] || env['TERMINUS_SUBLIME']) ||
    env['ConEmuTask'] === '{cmd::Cmder}' ||
    env['TERMINAL_EMULATOR'] === 'JetBrains-JediTerm' ||
    WINDOWS_PROGRAMS.has(env['TERM_PROGRAM'] ?? '') ||
    WINDOWS_TERMS.has(env['TERM'] ?? '')
  );
}

/**
 * Whether a terminal shows more than ASCII: on Windows those terminals known to (the list of is-unicode-supported);
 * elsewhere all but the kernel's console and a locale that is C, POSIX or names another character set.
 */
export function supportsUnicode(env: Io['env'], platform: NodeJS.Platform): boolean {
  if (platform === 'win32') return windowsHasUnicode(env);
  if (env['TERM'] === 'linux') return false;
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  if (locale === 'C' || locale === 'POSIX') return false;
  const charset = /\.([^@]*)/.exec(locale)?.[1];
  return charset === undefined || /^utf-?8$/i.test(charset);
}
