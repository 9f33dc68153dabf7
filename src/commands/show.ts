import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { checkModelName, sameModel } from '../core/model-name.js';
import { parseParameters } from '../core/parameters.js';
import type { InstalledModel, ShowResponse } from '../core/wire.js';
import { formatAge } from '../format/age.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { formatCount } from '../format/count.js';
import { readFields, renderFields } from '../output/fields.js';
import { pickFields, writeJson } from '../output/json.js';
import { writeLines, writeText } from '../output/write.js';
import type { Register } from '../command.js';

/** The parts that can be asked for alone. */
const PARTS = ['license', 'modelfile', 'parameters', 'template', 'system'] as const;

/** Fields that not every model has; asking for one is no mistake. */
const KNOWN_FIELDS = [...PARTS, 'size', 'digest', 'capabilities', 'messages', 'projector_info', 'tensors'];

type Part = (typeof PARTS)[number];
type ShowFlags = Readonly<Partial<Record<Part | 'verbose', boolean>>>;

/** Declares `show`. */
export const register: Register = (program, action) => {
  const command = program
    .command('show')
    .helpGroup('Models:')
    .summary('all about a model')
    .description('Shows details, parameters, template, system prompt, licence and capabilities of a model.')
    .argument('<model>');
  for (const part of PARTS) command.option(`--${part}`, `only the ${part === 'license' ? 'licence' : part}`);
  command.option('--verbose', 'with every field of the model and its tensors').action(action(show));
};

async function show(context: Context, model: string, flags: ShowFlags): Promise<void> {
  const { io, client, mode } = context;
  checkModelName(model);
  const asked = PARTS.filter((part) => flags[part] === true);
  if (asked.length > 1) {
    throw new OllamaError(
      'usage',
      `Only one of ${asked.map((part) => `--${part}`).join(', ')} can be shown at a time.`,
    );
  }
  const shown = await client.show(model, { signal: io.signal, verbose: flags.verbose === true });
  const [part] = asked;
  if (part !== undefined && mode !== 'json') return await writePart(context, shown, part);

  const installed = await findInstalled(context, model);
  const document = {
    host: client.host.url,
    name: installed?.name ?? model,
    ...(installed ? { size: installed.size, digest: installed.digest } : {}),
    ...shown,
    parameters_parsed: parseParameters(shown.parameters ?? ''),
  };
  const fields = part === undefined ? readFields(context.flags) : [part];
  const picked = fields && pickFields(document, undefined, fields, KNOWN_FIELDS);
  if (mode === 'json') return await writeJson(io, picked ?? document);
  const facts = describe(shown, installed, model, io.now());
  if (!picked && (io.stdout.isTTY === true || mode === 'tty'))
    return await draw(context, facts, shown, flags.verbose === true);
  const exact: Record<string, unknown> = Object.fromEntries(facts.map(({ key, raw }) => [key, raw]));
  if (flags.verbose === true) Object.assign(exact, shown.model_info);
  await writeLines(io.stdout, renderFields(picked ?? exact), io.signal);
}

/** One part, byte for byte in a pipe; cleaned, and with an end of line, in a terminal. */
async function writePart({ io }: Context, shown: ShowResponse, part: Part): Promise<void> {
  const text = shown[part] ?? '';
  if (io.stdout.isTTY !== true) return await writeText(io.stdout, text, io.signal);
  const clean = cleanText(text);
  await writeText(io.stdout, clean.endsWith('\n') || clean === '' ? clean : `${clean}\n`, io.signal);
}

async function findInstalled({ io, client }: Context, model: string): Promise<InstalledModel | undefined> {
  const models = await client.list({ signal: io.signal }).catch((error: unknown) => {
    // The description is the answer; its size is only good to have.
    if (io.signal.aborted) throw error;
    return [];
  });
  return models.find(({ name }) => sameModel(name, model));
}

/** One fact of the summary: exact for a script, readable for a person. */
interface Fact {
  readonly key: string;
  readonly title: string;
  readonly raw: string;
  readonly text: string;
}

function describe(
  shown: ShowResponse,
  installed: InstalledModel | undefined,
  model: string,
  now: number,
): Fact[] {
  const info = shown.model_info ?? {};
  const architecture =
    typeof info['general.architecture'] === 'string' ? info['general.architecture'] : shown.details.family;
  const numberOf = (key: string): number | undefined => {
    const value = info[`${architecture ?? ''}.${key}`];
    return typeof value === 'number' ? value : undefined;
  };
  const context = numberOf('context_length') ?? shown.details.context_length;
  const facts: Fact[] = [];
  const add = (key: string, title: string, raw: unknown, text: string = String(raw)): void => {
    if (raw !== undefined && raw !== null && raw !== '') facts.push({ key, title, raw: String(raw), text });
  };
  add('name', 'name', installed?.name ?? model);
  add('digest', 'digest', installed?.digest, installed?.digest.slice(0, 12));
  add('size', 'size', installed?.size, formatBytes(installed?.size ?? 0));
  add('architecture', 'architecture', architecture);
  add('parameter_size', 'parameters', shown.details.parameter_size);
  add('quantization_level', 'quantization', shown.details.quantization_level);
  add('context_length', 'context', context, context === undefined ? '' : `${formatCount(context)} tokens`);
  add('embedding_length', 'embedding', numberOf('embedding_length'));
  add(
    'capabilities',
    'capabilities',
    (shown.capabilities ?? []).join(','),
    (shown.capabilities ?? []).join(' '),
  );
  add('modified_at', 'modified', shown.modified_at, formatAge(shown.modified_at ?? '', now));
  return facts;
}

async function draw(
  { io, settings }: Context,
  facts: readonly Fact[],
  shown: ShowResponse,
  verbose: boolean,
): Promise<void> {
  const { openLook } = await import('../output/look.js');
  const { displayWidth, padEnd } = await import('../format/width.js');
  const look = await openLook(io, io.stdout, settings);
  const { bold, dim } = look.styles;
  const titles = Math.max(...facts.map(({ title }) => displayWidth(title)));
  const lines: string[] = facts.map(
    ({ title, text }) => ` ${dim(padEnd(title, titles))}  ${cleanLine(text)}`,
  );

  const section = (title: string, text: string | undefined, most = Infinity): void => {
    const body = cleanText(text ?? '').replace(/\s+$/, '');
    if (body === '') return;
    const all = body.split('\n');
    lines.push('', ` ${bold(title)}`, ...all.slice(0, most).map((line) => ` ${line}`.trimEnd()));
    const more = all.length - most;
    if (more > 0)
      lines.push(dim(` ${look.symbols.ellipsis} ${more} more ${more === 1 ? 'line' : 'lines'}: --${title}`));
  };
  section('parameters', shown.parameters);
  section('system', shown.system);
  section('template', shown.template, verbose ? Infinity : 6);
  section('license', shown.license, verbose ? Infinity : 2);
  if (verbose && shown.model_info) {
    const rows = Object.entries(shown.model_info).sort(([a], [b]) => a.localeCompare(b, 'en'));
    section('model_info', rows.map(([key, value]) => `${key}  ${shorten(value)}`).join('\n'));
  }
  await writeLines(io.stdout, lines, io.signal);
}

function shorten(value: unknown): string {
  if (!Array.isArray(value) || value.length <= 3) return JSON.stringify(value);
  return `[${value
    .slice(0, 3)
    .map((item) => JSON.stringify(item))
    .join(', ')}, … ${value.length - 3} more]`;
}
