import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import { startDialogue, type DialogueOptions } from '../../src/chat/dialogue.js';
import { openKept } from '../../src/chat/keep-talk.js';
import type { Block } from '../../src/chat/blocks.js';
import type { Dialogue, Question, Stage } from '../../src/chat/stage.js';
import type { Fact } from '../../src/chat/wording.js';
import { createContext } from '../../src/context.js';
import { startConversation, type AnswerState, type Conversation } from '../../src/core/chat.js';
import type { Recorder } from '../../src/sessions/entry.js';
import type { TurnEvent } from '../../src/tools/turn.js';
import { serve, type FaultServer, type Script, type SeenRequest } from '../support/fault-server.js';
import { testIo } from '../support/io.js';

/** A conversation on a stage of lists. */
export interface Played {
  readonly dialogue: Dialogue;
  readonly blocks: Block[];
  readonly events: TurnEvent[];
  readonly ends: { readonly answer: AnswerState; readonly facts: readonly Fact[] }[];
  readonly questions: Question[];
  readonly edited: string[];
  readonly given: string[];
  readonly sent: string[];
  readonly recorder: Recorder | undefined;
  readonly home: string;
  left(): boolean;
  /** Performs a line, and returns what was shown of it, a line a block. */
  say(text: string): Promise<string>;
  /** Resolves once so many events have come in all. */
  untilEvents(count: number): Promise<void>;
}

export interface PlayOptions extends Partial<Omit<DialogueOptions, 'stage' | 'recorder' | 'conversation'>> {
  readonly conversation?: Partial<Conversation>;
  readonly model?: string;
  /** Keys of choices, taken one after the other; then nothing is chosen. */
  readonly chooses?: readonly string[];
  /** What comes out of the editor. */
  readonly edits?: (text: string) => string | undefined;
  readonly env?: Readonly<Record<string, string>>;
  readonly keeps?: boolean;
  readonly home?: string;
}

/** A block as one line. */
export function lineOf(block: Block): string {
  switch (block.kind) {
    case 'header':
      return `# ${block.parts.join(' | ')}`;
    case 'prompt':
      return `> ${block.text}`;
    case 'failure':
      return `! ${block.message}${block.hint === undefined ? '' : ` [${block.hint.replaceAll('\n', ' | ')}]`}`;
    case 'pairs':
      return block.groups.flatMap((group) => group.map(([name, value]) => `${name} = ${value}`)).join('\n');
    case 'models':
      return `models: ${block.names.join(', ')} (${block.current})`;
    case 'message':
      return `< ${block.text}`;
    case 'warning':
      return `? ${block.text}`;
    case 'tool':
      return `tool: ${block.call}: ${block.outcome}`;
    case 'facts':
      return block.facts.map(({ text }) => text).join(' · ');
    case 'note':
    case 'thought':
      return block.text;
  }
}

/** Starts a conversation with the server at `url`, kept in a folder of its own; the model is not warmed up. */
export async function play(url: string, options: PlayOptions = {}): Promise<Played> {
  const { model = 'm', chooses = [], edits = () => undefined, keeps = true } = options;
  const home = options.home ?? mkdtempSync(path.join(tmpdir(), 'dialogue-'));
  const env = { HOME: home, XDG_STATE_HOME: home, OLLAMA_HOST: url, ...options.env };
  const { io } = testIo({ env, cwd: home });
  const context = await createContext(io, {});
  const blocks: Block[] = [];
  const events: TurnEvent[] = [];
  const questions: Question[] = [];
  const lists = {
    ends: [] as Played['ends'],
    edited: [] as string[],
    given: [] as string[],
    sent: [] as string[],
  };
  let hasLeft = false;
  let wake: () => void = () => undefined;
  const stage: Stage = {
    show: (block) => void blocks.push(block),
    begin: () => undefined,
    receive(batch) {
      events.push(...batch);
      wake();
    },
    end: (answer, facts) => void lists.ends.push({ answer, facts }),
    choose(question) {
      questions.push(question);
      return Promise.resolve(chooses[questions.length - 1]);
    },
    edit(text) {
      lists.edited.push(text);
      return Promise.resolve(edits(text));
    },
    lend: async (work) => await work(),
    giveBack: (text) => lists.given.push(text) > 0,
    changed: () => undefined,
    send: (bytes) => void lists.sent.push(bytes),
    leave: () => (hasLeft = true),
  };
  const recorder = keeps ? openKept(io, stage, { host: url, model }) : undefined;
  const dialogue = startDialogue(context, {
    warmUp: false,
    pull: () => Promise.resolve(false),
    ...options,
    conversation: startConversation(model, options.conversation),
    stage,
    recorder,
  });
  dialogue.open();
  onTestFinished(async () => {
    await dialogue.close();
    rmSync(home, { recursive: true, force: true });
  });
  return {
    ...lists,
    dialogue,
    blocks,
    events,
    questions,
    recorder,
    home,
    left: () => hasLeft,
    async say(text) {
      const before = blocks.length;
      await dialogue.perform(text);
      return blocks.slice(before).map(lineOf).join('\n');
    },
    async untilEvents(count) {
      while (events.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

/** A line of a chat's stream. */
export function chatLine(fields: object): string {
  return `${JSON.stringify({ model: 'm', created_at: '2026-01-01T00:00:00Z', done: false, ...fields })}\n`;
}

/** Pieces of an answer, without an end. */
export function tokenLines(...tokens: readonly string[]): string[] {
  return tokens.map((content) => chatLine({ message: { role: 'assistant', content } }));
}

/** A whole answer. */
export function answerLines(
  tokens: readonly string[],
  last: Readonly<Record<string, unknown>> = {},
): string[] {
  const numbers = {
    prompt_eval_count: 10,
    eval_count: tokens.length,
    eval_duration: 1e9,
    total_duration: 2e9,
  };
  const end = {
    message: { role: 'assistant', content: '' },
    done: true,
    done_reason: 'stop',
    ...numbers,
    ...last,
  };
  return [...tokenLines(...tokens), chatLine(end)];
}

export interface Told {
  readonly model: string;
  readonly messages: { role: string; content: string; images?: string[] }[];
  readonly think?: unknown;
  readonly options?: Record<string, unknown>;
  readonly format?: unknown;
  readonly tools?: unknown[];
  readonly truncate?: boolean;
}

export interface ChatServer {
  readonly server: FaultServer;
  readonly url: string;
  /** The chat requests so far. */
  asked(): Told[];
  /** What the messages of each chat request were, as `role: content`. */
  talked(): string[][];
}

const MODELS = ['m', 'other:1b', 'embedder'];
const CAPABILITIES: Readonly<Record<string, readonly string[]>> = {
  m: ['completion'],
  'other:1b': ['completion', 'vision', 'tools'],
  embedder: ['embedding'],
};

function answerOther({ url, body }: SeenRequest): Script {
  if (url === '/api/tags') {
    const models = MODELS.map((name) => {
      return {
        name,
        model: name,
        size: 1,
        digest: 'a'.repeat(64),
        details: {},
        capabilities: CAPABILITIES[name],
      };
    });
    return { body: [JSON.stringify({ models })] };
  }
  if (url === '/api/ps') {
    const loaded = {
      name: 'm:latest',
      model: 'm:latest',
      size: 1,
      size_vram: 1,
      digest: 'a',
      expires_at: '',
      details: {},
    };
    return { body: [JSON.stringify({ models: [{ ...loaded, context_length: 4096 }] })] };
  }
  const { model = '' } = JSON.parse(body === '' ? '{}' : body) as { model?: string };
  if (!MODELS.includes(model))
    return { status: 404, body: [JSON.stringify({ error: `model '${model}' not found` })] };
  const shown = { details: { family: 'tiny' }, model_info: {}, capabilities: CAPABILITIES[model] };
  const texts = {
    license: 'MIT\nmore',
    template: '{{ .Prompt }}',
    parameters: 'temperature 0.1',
    system: 'Own.',
  };
  return { body: [JSON.stringify({ ...shown, ...texts, modelfile: 'FROM m' })] };
}

/** A server whose chats are answered by the scripts in their order, the last one again and again. */
export async function chatServer(
  ...answers: readonly (Script | ((told: Told) => Script))[]
): Promise<ChatServer> {
  let turn = 0;
  const asked: Told[] = [];
  const server = await serve((request) => {
    if (request.url !== '/api/chat') return answerOther(request);
    const told = JSON.parse(request.body) as Told;
    asked.push(told);
    turn += 1;
    const answer = answers[Math.min(turn, answers.length) - 1];
    return typeof answer === 'function' ? answer(told) : answer;
  });
  onTestFinished(() => server.close());
  return {
    server,
    url: server.url,
    asked: () => asked,
    talked: () => asked.map(({ messages }) => messages.map(({ role, content }) => `${role}: ${content}`)),
  };
}
