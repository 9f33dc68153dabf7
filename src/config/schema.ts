import { DEFAULT_RETRY } from '../core/retry.js';
import type { RetryPolicy } from '../core/retry.js';
import type { ModelOptions } from '../core/wire.js';
import { KEY_ACTIONS, KEY_NAME } from './key-actions.js';
import {
  anyText,
  choice,
  duration,
  flag,
  headerText,
  hostText,
  integer,
  keepAlive,
  number,
  text,
  texts,
  variableName,
  webAddress,
} from './value-types.js';
import type { Stored, ValueType } from './value-types.js';

/** A host that the person has named in their own file; what it carries goes to this host alone. */
export interface NamedHost {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly ca_file?: string;
  /** The environment variable that holds its bearer token. */
  readonly token_env?: string;
  /** A file, 0600, of headers that are sent to it: one `Name: value` a line. */
  readonly header_file?: string;
  /** Whether its certificate is not checked. */
  readonly insecure?: boolean;
}

/** Someone who answers besides the host in force: as `ProviderBlock` (src/providers) has it, unchecked defaults left out. */
export interface ProviderSettings {
  readonly type?: 'ollama' | 'openai' | 'anthropic';
  readonly enabled?: boolean;
  readonly api_key?: string;
  /** The environment variable that holds the key. */
  readonly api_key_env?: string;
  readonly model?: string;
  readonly base_url?: string;
  /** What a million tokens cost, in the currency that the person thinks in. */
  readonly cost?: { readonly prompt?: number; readonly completion?: number; readonly currency?: string };
}

/** What a conversation begins with, under a name of the person's choosing. */
export interface Preset {
  readonly model?: string;
  readonly system?: string;
  readonly options?: ModelOptions;
}

/** An MCP server: a program that is started, or an address. */
export interface McpServer {
  readonly command?: string;
  readonly args?: readonly string[];
  /** Variables of the program's environment, besides PATH, HOME and their like. */
  readonly env?: Readonly<Record<string, string>>;
  readonly url?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The longest that one call may take, in milliseconds. */
  readonly timeout?: number;
}

/** What a prompt may need of a model, for `chat --auto`. */
export type AutoNeed = 'image' | 'tools' | 'code' | 'rest';

/** Every setting, checked and with its default. Times are milliseconds; `undefined` is no limit, or not set. */
export interface Settings {
  /** As a person writes it; `core/url.ts` parses it. */
  readonly host: string;
  readonly default_model?: string;
  readonly options: ModelOptions;
  readonly keep_alive?: string | number;
  readonly system?: string;
  readonly auto_pull: 'ask' | 'always' | 'never';
  readonly auto_start_server: boolean;
  /** Globs; `undefined` allows every model. */
  readonly allowed_models: readonly string[] | undefined;
  readonly timeouts: {
    readonly connect: number;
    readonly response: number | undefined;
    readonly silence: number | undefined;
    readonly pull: number | undefined;
    /** To an answer's first token where another provider stands behind; then that one is asked. */
    readonly first_token: number | undefined;
  };
  readonly retry: RetryPolicy;
  readonly model_cache_ttl: number;
  readonly health_check_interval: number;
  /** The registry that is asked for names without one, instead of Ollama's; never through the server. */
  readonly registry?: string;
  readonly search?: {
    /** Where Hugging Face's models API is, if not there. */
    readonly huggingface_url?: string;
    /** Where the pages of the public library are, if not there. */
    readonly library_url?: string;
  };
  readonly history: boolean;
  /** Whether conversations are kept. */
  readonly sessions: boolean;
  /** Whether answers are drawn as Markdown on a terminal. */
  readonly markdown: boolean;
  /** Whether the model starts loading while the person types. */
  readonly warm_up: boolean;
  /** As `--think` has it. */
  readonly think?: string;
  readonly presets: Readonly<Record<string, Preset>>;
  /** Globs of models for each need, the best first. */
  readonly auto: Readonly<Partial<Record<AutoNeed, readonly string[]>>>;
  readonly mcp: Readonly<Record<string, McpServer>>;
  /** What keys of the chat do, by their names, besides and instead of the built-in ones. */
  readonly keys: Readonly<Record<string, string>>;
  readonly progress: 'auto' | 'ink' | 'bar' | 'lines';
  readonly color: 'auto' | 'always' | 'never';
  readonly accessible: boolean;
  /** Names in lower case; only those that were configured for the host in use. */
  readonly headers: Readonly<Record<string, string>>;
  readonly ca_file?: string;
  /** As of a named host, for the host in force. */
  readonly token_env?: string;
  readonly header_file?: string;
  readonly insecure?: boolean;
  readonly hosts: Readonly<Record<string, NamedHost>>;
  readonly providers: Readonly<Record<string, ProviderSettings>>;
  /** Names of providers and hosts; the first that answers does. Empty: only the host in force. */
  readonly fallback: readonly string[];
}

/** One row of the table: a dotted key, its type, and what follows from it. */
export interface Setting {
  /** `<name>` and `<header>` stand for names that the person chooses. */
  readonly key: string;
  readonly type: ValueType;
  /** Present also as `null` (no limit, none); without it the setting is absent until someone sets it. */
  readonly default?: Stored;
  /** A project file may not set it: it costs, or runs, or gives away something of the person's. */
  readonly ownOnly?: true;
  /** A project file may switch it off and not on: what is kept of a person is the person's to say. */
  readonly offOnly?: true;
  /** Its value is never shown. */
  readonly secret?: true;
  /** Another spelling of this key. */
  readonly aliasOf?: string;
  /** Turns an alias's value into one of the key it stands for. */
  readonly turn?: (value: Stored) => Stored;
}

/** The address of a server that nobody has configured. */
export const DEFAULT_HOST = 'http://127.0.0.1:11434';

const OPTIONS: readonly Setting[] = [
  { key: 'options.temperature', type: number(0) },
  { key: 'options.top_k', type: integer() },
  { key: 'options.top_p', type: number(0, 1) },
  { key: 'options.min_p', type: number(0, 1) },
  { key: 'options.typical_p', type: number(0, 1) },
  { key: 'options.repeat_penalty', type: number(0) },
  { key: 'options.repeat_last_n', type: integer(-1) },
  { key: 'options.presence_penalty', type: number() },
  { key: 'options.frequency_penalty', type: number() },
  { key: 'options.num_ctx', type: integer(1) },
  { key: 'options.num_predict', type: integer(-2) },
  { key: 'options.max_tokens', type: integer(-2), aliasOf: 'options.num_predict' },
  { key: 'options.num_keep', type: integer(-1) },
  { key: 'options.num_batch', type: integer(1) },
  { key: 'options.num_gpu', type: integer(-1) },
  { key: 'options.main_gpu', type: integer(0) },
  { key: 'options.num_thread', type: integer(0) },
  { key: 'options.use_mmap', type: flag },
  { key: 'options.seed', type: integer() },
  { key: 'options.stop', type: texts() },
];

/** Every setting there is, in the order in which they are listed. */
export const SETTINGS: readonly Setting[] = [
  { key: 'host', type: hostText, default: DEFAULT_HOST },
  { key: 'base_url', type: hostText, aliasOf: 'host' },
  { key: 'port', type: integer(1, 65_535) },
  { key: 'default_model', type: text },
  { key: 'system', type: anyText },
  { key: 'keep_alive', type: keepAlive },
  { key: 'think', type: choice('on', 'off', 'low', 'medium', 'high', 'max') },
  ...OPTIONS,
  { key: 'presets.<name>.model', type: text },
  { key: 'presets.<name>.system', type: anyText },
  ...OPTIONS.map((option) => ({
    ...option,
    key: `presets.<name>.${option.key}`,
    ...(option.aliasOf === undefined ? {} : { aliasOf: `presets.<name>.${option.aliasOf}` }),
  })),
  { key: 'auto.image', type: texts(',') },
  { key: 'auto.tools', type: texts(',') },
  { key: 'auto.code', type: texts(',') },
  { key: 'auto.rest', type: texts(',') },
  { key: 'auto_pull', type: choice('ask', 'always', 'never'), default: 'ask' },
  {
    key: 'auto_pull_model',
    type: flag,
    aliasOf: 'auto_pull',
    turn: (value) => (value === true ? 'always' : 'never'),
  },
  { key: 'auto_start_server', type: flag, default: false, ownOnly: true },
  { key: 'allowed_models', type: texts(','), default: null },
  { key: 'timeouts.connect', type: duration('refused'), default: 5000 },
  { key: 'timeouts.response', type: duration('no limit'), default: 60_000 },
  { key: 'timeouts.silence', type: duration('no limit'), default: null },
  { key: 'timeouts.pull', type: duration('no limit'), default: null },
  { key: 'timeouts.first_token', type: duration('no limit'), default: 60_000 },
  { key: 'retry.attempts', type: integer(1, 100), default: DEFAULT_RETRY.attempts },
  { key: 'retry.delay', type: duration('refused'), default: DEFAULT_RETRY.delay },
  { key: 'retry.max_delay', type: duration('refused'), default: DEFAULT_RETRY.max_delay },
  { key: 'model_cache_ttl', type: duration('zero'), default: 60_000 },
  { key: 'health_check_interval', type: duration('zero'), default: 30_000 },
  { key: 'registry', type: webAddress, ownOnly: true },
  { key: 'search.huggingface_url', type: webAddress, ownOnly: true },
  { key: 'search.library_url', type: webAddress, ownOnly: true },
  { key: 'history', type: flag, default: true, offOnly: true },
  { key: 'sessions', type: flag, default: true, offOnly: true },
  { key: 'markdown', type: flag, default: true },
  { key: 'warm_up', type: flag, default: true },
  { key: 'keys.<key>', type: choice(...KEY_ACTIONS), ownOnly: true },
  { key: 'progress', type: choice('auto', 'ink', 'bar', 'lines'), default: 'auto' },
  { key: 'color', type: choice('auto', 'always', 'never'), default: 'auto' },
  { key: 'accessible', type: flag, default: false },
  { key: 'ca_file', type: text, ownOnly: true },
  { key: 'token_env', type: variableName, ownOnly: true },
  { key: 'header_file', type: text, ownOnly: true },
  { key: 'insecure', type: flag, ownOnly: true },
  { key: 'headers.<header>', type: headerText, ownOnly: true, secret: true },
  { key: 'hosts.<name>.url', type: hostText, ownOnly: true },
  { key: 'hosts.<name>.ca_file', type: text, ownOnly: true },
  { key: 'hosts.<name>.token_env', type: variableName, ownOnly: true },
  { key: 'hosts.<name>.header_file', type: text, ownOnly: true },
  { key: 'hosts.<name>.insecure', type: flag, ownOnly: true },
  { key: 'hosts.<name>.headers.<header>', type: headerText, ownOnly: true, secret: true },
  { key: 'providers.<name>.type', type: choice('ollama', 'openai', 'anthropic'), ownOnly: true },
  { key: 'providers.<name>.enabled', type: flag, ownOnly: true },
  { key: 'providers.<name>.api_key', type: anyText, ownOnly: true, secret: true },
  { key: 'providers.<name>.api_key_env', type: variableName, ownOnly: true },
  { key: 'providers.<name>.model', type: text, ownOnly: true },
  { key: 'providers.<name>.base_url', type: webAddress, ownOnly: true },
  { key: 'providers.<name>.cost.prompt', type: number(0), ownOnly: true },
  { key: 'providers.<name>.cost.completion', type: number(0), ownOnly: true },
  { key: 'providers.<name>.cost.currency', type: text, ownOnly: true },
  { key: 'fallback', type: texts(','), default: [], ownOnly: true },
  { key: 'mcp.<name>.command', type: text, ownOnly: true },
  { key: 'mcp.<name>.args', type: texts(), ownOnly: true },
  { key: 'mcp.<name>.env.<variable>', type: anyText, ownOnly: true, secret: true },
  { key: 'mcp.<name>.url', type: webAddress, ownOnly: true },
  { key: 'mcp.<name>.headers.<header>', type: headerText, ownOnly: true, secret: true },
  { key: 'mcp.<name>.timeout', type: duration('no limit'), ownOnly: true },
];

const CHOSEN_NAMES: Readonly<Record<string, RegExp>> = {
  '<name>': /^[A-Za-z0-9][\w-]*$/,
  // RFC 9110's token, without the dot that separates the parts of a key.
  '<header>': /^[\w!#$%&'*+^`|~-]+$/,
  // As the chat names them: `ctrl-t`, `alt-enter`, `f5`.
  '<key>': KEY_NAME,
  '<variable>': /^[A-Za-z_]\w*$/,
};

function segmentFits(pattern: string, segment: string): boolean {
  const names = CHOSEN_NAMES[pattern];
  if (names === undefined) return pattern === segment;
  // `__proto__`, `constructor` and their like are nobody's header or host.
  return names.test(segment) && !(segment in Object.prototype);
}

/** The settings at a path of the tree and below it; none for an unknown key. */
export function settingsUnder(path: readonly string[]): readonly Setting[] {
  return SETTINGS.filter(({ key }) => {
    const pattern = key.split('.');
    return (
      path.length <= pattern.length &&
      path.every((segment, index) => segmentFits(pattern[index] ?? '', segment))
    );
  });
}

/** The setting at exactly this path. */
export function settingAt(path: readonly string[]): Setting | undefined {
  return settingsUnder(path).find(({ key }) => key.split('.').length === path.length);
}

/** The dotted key under which a setting's value is kept; header names are the same in any case. */
export function keyOf(setting: Setting, path: readonly string[]): string {
  if (setting.aliasOf !== undefined) {
    const parts = setting.aliasOf.split('.');
    return parts.map((part, index) => (part.startsWith('<') ? path[index] : part)).join('.');
  }
  if (!setting.key.endsWith('<header>')) return path.join('.');
  return [...path.slice(0, -1), path.at(-1)?.toLowerCase()].join('.');
}
