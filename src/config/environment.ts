import { wrongValue } from './check.js';
import type { Layer, LayerValue } from './layer.js';
import { addValue, foldPort } from './layer.js';
import type { Setting } from './schema.js';
import { SETTINGS, settingAt } from './schema.js';

type Env = Readonly<Record<string, string | undefined>>;

const PREFIX = 'OLLAMA_CLI_';

/** Variables with the prefix that are read elsewhere and are no settings. */
const OTHER_VARIABLES = new Set(['OLLAMA_CLI_DEBUG', 'OLLAMA_CLI_FORCE_TTY', 'OLLAMA_CLI_PAGER']);

/** What the environment sets, what is wrong in it (a line a variable), and the variables that name no setting. */
export interface CheckedEnvironment {
  readonly layer: Layer;
  readonly problems: readonly string[];
  readonly unknown: readonly string[];
}

/** A variable's text as Ollama reads it: spaces off, then quotes off; empty is not set. */
function readVariable(env: Env, name: string): string | undefined {
  const text = env[name]?.trim().replace(/^["']+|["']+$/g, '');
  return text === '' ? undefined : text;
}

function pathOf(name: string): string[] {
  const path = name.slice(PREFIX.length).toLowerCase().split('__');
  // A shell has no `-` in a variable's name, and HTTP hardly ever a `_` in a header's.
  return path.map((segment, index) =>
    path[index - 1] === 'headers' ? segment.replaceAll('_', '-') : segment,
  );
}

/**
 * Reads the settings of the environment: `OLLAMA_CLI_<KEY>` with `__` for the dots, and for the host, where that is not
 * there, `OLLAMA_HOST`, then `OLLAMA_BASE_URL`; `OLLAMA_NOHISTORY` switches the history off. Never throws.
 */
export function readEnvironment(env: Env): CheckedEnvironment {
  const values = new Map<string, LayerValue>();
  const problems: string[] = [];
  const unknown: string[] = [];

  function read(name: string, setting: Setting, path: readonly string[]): void {
    const text = readVariable(env, name);
    if (text === undefined) return;
    const stored = setting.type.fromText(setting.key === 'host' ? text.trim() : text);
    const problem =
      stored === undefined ? wrongValue(setting, name, text) : addValue(values, setting, path, stored, name);
    if (problem !== undefined) problems.push(stored === undefined ? problem : `${name}: ${problem}`);
  }

  for (const name of Object.keys(env).filter((key) => key.startsWith(PREFIX))) {
    const path = pathOf(name);
    const setting = settingAt(path);
    if (setting !== undefined) read(name, setting, path);
    else if (!OTHER_VARIABLES.has(name)) unknown.push(name);
  }
  const [host] = SETTINGS;
  for (const name of ['OLLAMA_HOST', 'OLLAMA_BASE_URL']) {
    if (host !== undefined && !values.has('host')) read(name, host, ['host']);
  }
  const noHistory = readVariable(env, 'OLLAMA_NOHISTORY');
  if (noHistory !== undefined && !values.has('history') && !/^(?:0|f|false)$/i.test(noHistory)) {
    values.set('history', { value: false, name: 'OLLAMA_NOHISTORY' });
  }
  const portProblem = foldPort(values);
  if (portProblem !== undefined) problems.push(`${PREFIX}PORT: ${portProblem}`);
  return { layer: { kind: 'environment', values }, problems, unknown };
}
