import { findTurns } from '../core/conversation.js';
import { parseParameters } from '../core/parameters.js';
import { largestWindow } from '../core/window.js';
import type { ShowResponse } from '../core/wire.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { formatCount } from '../format/count.js';
import { listHelp } from './commands.js';
import type { ShowPart } from './intent.js';
import { describeThink, quoteOption } from './settings.js';
import { describeStats } from './stats.js';
import { tell, windowOf, type Talk } from './talk.js';

type Pair = readonly [string, string];

function showPairs(talk: Talk, groups: readonly (readonly Pair[])[]): void {
  const clean = groups.map((group) =>
    group.map(([name, value]): Pair => [cleanLine(name), cleanLine(value)]),
  );
  talk.stage.show({ kind: 'pairs', groups: clean.filter((group) => group.length > 0) });
}

function shorten(text: string, most = 100): string {
  const [line = '', ...others] = text.trim().split('\n');
  return line.length > most || others.length > 0 ? `${line.slice(0, most)}…` : line;
}

/** `/help`: the commands and keys, or one command. */
export function showHelp(talk: Talk, about: string | undefined): void {
  const groups = listHelp(about);
  if (groups === undefined) return tell(talk, `There is no command /${about ?? ''}. /help lists them.`);
  showPairs(talk, groups);
}

/** `/stats`: what this conversation took so far. */
export function showStats(talk: Talk): void {
  const { conversation, tally } = talk;
  const turns = findTurns(conversation).length;
  showPairs(talk, [describeStats(tally, { model: conversation.model, turns, window: windowOf(talk) })]);
}

/** Who answers first where that is not the server, and who stands behind. */
function describeAnswering({ answering, following }: Talk): Pair[] {
  if (answering === undefined) return [];
  const { first, behind } = answering;
  return [
    ['answers', following?.now().name ?? first.name],
    ...(behind.length === 0 ? [] : [['fallback', [first.name, ...behind].join(', ')] as const]),
  ];
}

function showConversation(talk: Talk): void {
  const { conversation, context, recorder, toolbox, attached } = talk;
  const { model, system, options, think, format, messages } = conversation;
  const window = windowOf(talk);
  const rows: Pair[] = [
    ['model', model],
    ['server', context.client.host.display],
    ...describeAnswering(talk),
    ['system prompt', system === undefined ? "none but the model's own" : shorten(system)],
    ['thinking', describeThink(think)],
    ['format', format === undefined ? 'text' : typeof format === 'string' ? format : 'a JSON schema'],
    ['context', window === undefined ? 'as the server has it' : formatCount(window)],
    ['turns', String(findTurns({ messages }).length)],
    ['kept as', recorder === undefined ? 'not kept: /save keeps it' : recorder.id],
  ];
  if (toolbox !== undefined) rows.push(['functions', `${toolbox.definitions.length}: /show tools`]);
  if (attached.length > 0) rows.push(['attached', attached.map(({ name }) => name).join(', ')]);
  const parameters = Object.entries(options).map(([name, value]): Pair => [name, quoteOption(value)]);
  showPairs(talk, [rows, parameters]);
}

function showTools(talk: Talk): void {
  const { toolbox } = talk;
  if (toolbox === undefined)
    return tell(talk, 'No functions are offered: --mcp NAME offers those of an MCP server.');
  const rows = toolbox.definitions.map(({ function: one }): Pair => {
    const about = toolbox.describe(one.name);
    return [
      one.name,
      [shorten(about?.description ?? ''), about?.server ?? ''].filter((part) => part !== '').join(', '),
    ];
  });
  showPairs(talk, [rows]);
}

function showInfo(talk: Talk, shown: ShowResponse): void {
  const { details, capabilities, model_info: info, license } = shown;
  const architecture = info?.['general.architecture'];
  const window = largestWindow(shown);
  const rows: (readonly [string, string | undefined])[] = [
    ['model', talk.conversation.model],
    ['architecture', typeof architecture === 'string' ? architecture : details.family],
    ['parameters', details.parameter_size],
    ['quantization', details.quantization_level],
    ['made for a context of', window === undefined ? undefined : formatCount(window)],
    ['can', capabilities?.join(', ')],
    ['license', license === undefined ? undefined : shorten(license)],
  ];
  showPairs(talk, [
    rows.flatMap(([name, value]) => (value === undefined || value === '' ? [] : [[name, value] as const])),
  ]);
}

/** What of a model is text, and what it is called. */
const TEXTS: Readonly<Record<'license' | 'modelfile' | 'template', string>> = {
  license: 'license',
  modelfile: 'Modelfile',
  template: 'template',
};

/** `/show`: what holds for this conversation, or what is known of its model. Throws what the server fails with. */
export async function showPart(talk: Talk, part: ShowPart | undefined, signal: AbortSignal): Promise<void> {
  if (part === undefined) return showConversation(talk);
  if (part === 'tools') return showTools(talk);
  const { conversation, context } = talk;
  const shown = await context.client.show(conversation.model, { signal });
  switch (part) {
    case 'info':
      return showInfo(talk, shown);
    case 'parameters': {
      const own = Object.entries(parseParameters(shown.parameters ?? ''));
      const asked = Object.entries(conversation.options);
      if (own.length + asked.length === 0)
        return tell(talk, 'Neither the model nor this conversation sets any.');
      const rows = (pairs: typeof own, whose: string): Pair[] =>
        pairs.map(([name, value]) => [name, `${quoteOption(value)} (${whose})`]);
      return showPairs(talk, [rows(asked, 'of this conversation'), rows(own, "the model's own")]);
    }
    case 'system': {
      const text = conversation.system ?? shown.system ?? '';
      if (text === '') return tell(talk, 'There is no system prompt.');
      const whose = conversation.system === undefined ? "The model's own:" : 'Of this conversation:';
      return tell(talk, `${whose}\n${text}`);
    }
    default: {
      const text = shown[part] ?? '';
      tell(talk, text.trim() === '' ? `The model has no ${TEXTS[part]}.` : cleanText(text).trimEnd());
    }
  }
}
