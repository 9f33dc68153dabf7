import { answerMessage, chatRequest, withMessage } from '../../core/chat.js';
import type { ChatEvent, ChatRequest, Conversation } from '../../core/chat.js';
import { listHelp, readInput } from '../../chat/commands.js';
import type { Intent } from '../../chat/commands.js';
import type { History } from '../../chat/history.js';
import { applySetting } from '../../chat/settings.js';
import type { SettingIntent } from '../../chat/settings.js';
import { cleanText } from '../../format/clean.js';
import type { Block } from './blocks.js';
import { continueLine, reduceComposer, sendComposer, startComposer } from './composer.js';
import type { ComposerAction, EditKey } from './composer.js';
import type { Live } from './frame.js';
import type { InputToken } from './key-parser.js';
import { KEY_ACTIONS, nameKey } from './keys.js';
import type { ControlKey } from './keys.js';
import { checkModel, listModels, tellFailure } from './models.js';
import type { Explain, ModelClient } from './models.js';
import { finishTurn, receiveEvents, settleTurn, startTurn } from './turn.js';
import type { Turn } from './turn.js';
import { describeChat, describeWaiting } from './wording.js';

const AGAIN_MS = 2_000;

/** What the chat asks of a server; `OllamaClient` is one. */
export interface ChatClient extends ModelClient {
  /** The last event is `done` or `error`; never throws. */
  chatBatches(request: ChatRequest, options?: { signal?: AbortSignal }): AsyncIterable<readonly ChatEvent[]>;
}

/** What a chat is made of, besides the terminal. */
export interface ReplOptions {
  readonly client: ChatClient;
  readonly conversation: Conversation;
  readonly host: string;
  readonly contextLength?: number | undefined;
  readonly history?: History | undefined;
  readonly explain: Explain;
  now(): number;
  /** Cells of a row of an answer, and of the composer, as the terminal is now. */
  widths(): { readonly text: number; readonly composer: number };
  /** Something is to be drawn: at once, because a key was pressed, or when there is time. */
  changed(cause: 'key' | 'text'): void;
}

/** A conversation with a person, without the drawing: what was pressed goes in, what is to be drawn comes out. */
export interface Repl {
  press(token: InputToken): void;
  /** Blocks for the scrollback since the last call, and what is live below them. */
  take(): { readonly blocks: readonly Block[]; readonly live: Live };
  /** Whether a clock is on the screen. */
  isWaiting(): boolean;
  /** Stops what is going on, and ends. */
  leave(): void;
  /** Resolves when the person has left; rejects only if something unforeseen happened. */
  readonly ended: Promise<Conversation>;
}

/** Starts the conversation; its first block is the header. */
export function startRepl(options: ReplOptions): Repl {
  const { client, now } = options;
  let { conversation, contextLength } = options;
  let composer = startComposer(options.history?.entries ?? []);
  let blocks: Block[] = [
    { kind: 'header', parts: describeChat(conversation.model, options.host, contextLength) },
  ];
  let turn: Turn | undefined;
  let hint: string | undefined;
  let hintTimer: NodeJS.Timeout | undefined;
  let leavesNext = false;
  let answered: string | undefined;
  let running: AbortController | undefined;
  let leaving = false;
  let kept: Promise<void> | undefined;
  let resolveEnd: (conversation: Conversation) => void = () => undefined;
  let rejectEnd: (error: unknown) => void = () => undefined;
  const ended = new Promise<Conversation>((resolve, reject) => {
    resolveEnd = resolve;
    rejectEnd = reject;
  });

  const end = async (): Promise<void> => {
    await kept;
    resolveEnd(conversation);
  };
  const show = (...added: readonly (Block | undefined)[]): void => {
    blocks.push(...added.filter((block) => block !== undefined));
  };
  const note = (text: string): void => show({ kind: 'note', text: cleanText(text) });

  /** The window in tokens: what the person set, or else the model's. */
  const findWindow = (): number | undefined => {
    const asked = conversation.options['num_ctx'];
    return typeof asked === 'number' && asked > 0 ? asked : contextLength;
  };

  function setHint(text: string | undefined): void {
    clearTimeout(hintTimer);
    hint = text;
    leavesNext = false;
  }

  /** Puts a text back where it was written, unless something else is being written there by now. */
  function giveBack(text: string): void {
    if (composer.text === '') composer = reduceComposer(composer, { type: 'replace', text });
  }

  async function ask(text: string, written: string, signal: AbortSignal): Promise<void> {
    const before = conversation;
    conversation = withMessage(conversation, { role: 'user', content: text });
    turn = startTurn(now());
    for await (const events of client.chatBatches(chatRequest(conversation), { signal })) {
      turn = receiveEvents(turn, events, now());
      options.changed('text');
    }
    const { answer } = turn;
    if (answer.phase === 'done') answered = conversation.model;
    show(...finishTurn(turn, options.widths().text, findWindow()));
    turn = undefined;
    // What came is kept whatever happened then; a question that got nothing is taken back.
    const isKept = answer.phase === 'done' || answer.content.trim() !== '';
    conversation = isKept ? withMessage(conversation, answerMessage(answer)) : before;
    if (!isKept) giveBack(written);
    if (answer.error !== undefined) show(tellFailure(answer.error, options.explain));
  }

  async function switchModel(name: string, signal: AbortSignal): Promise<void> {
    const checked = await checkModel(client, name, conversation.model, options.explain, signal);
    if ('block' in checked) {
      show(checked.block);
      return;
    }
    contextLength = checked.contextLength;
    conversation = { ...conversation, model: name };
    show({ kind: 'header', parts: describeChat(name, options.host, contextLength) });
  }

  function set(intent: SettingIntent): void {
    const applied = applySetting(conversation, intent);
    conversation = applied.conversation;
    note(applied.told);
  }

  async function perform(intent: Intent, written: string, signal: AbortSignal): Promise<void> {
    switch (intent.type) {
      case 'message':
        return await ask(intent.text, written, signal);
      case 'help':
        return show({ kind: 'help', groups: listHelp() });
      case 'leave':
        return leave();
      case 'clear':
      case 'set-system':
      case 'set-parameter':
        return set(intent);
      case 'list-models':
        return show(await listModels(client, conversation.model, options.explain, signal));
      case 'switch-model':
        return await switchModel(intent.name, signal);
      case 'reject':
        show({ kind: 'failure', message: intent.message, hint: undefined });
        return giveBack(written);
    }
  }

  async function run(intent: Intent, written: string): Promise<void> {
    running = new AbortController();
    try {
      await perform(intent, written, running.signal);
    } catch (error) {
      rejectEnd(error);
      return;
    } finally {
      running = undefined;
      turn = undefined;
    }
    if (leaving) await end();
    else options.changed('key');
  }

  function leave(): void {
    if (leaving) return;
    leaving = true;
    setHint(undefined);
    if (running === undefined) void end();
    else running.abort();
  }

  function tellHistory(problem: unknown): void {
    if (problem === undefined) return;
    note(`What you send is not kept: ${problem instanceof Error ? problem.message : 'its file fails'}.`);
  }

  function keep(written: string): void {
    const adding = options.history?.add(written);
    if (adding === undefined) return;
    kept = adding.then((problem) => {
      tellHistory(problem);
      options.changed('text');
    });
  }

  function submit(): void {
    const written = composer.text;
    if (written.trim() === '') return;
    const continued = continueLine(composer);
    if (continued !== undefined) {
      composer = continued;
      return;
    }
    if (running !== undefined) {
      setHint('the answer is still coming; Ctrl-C stops it');
      return;
    }
    composer = sendComposer(composer);
    keep(written);
    show({ kind: 'prompt', text: written.trim() });
    void run(readInput(written), written);
  }

  function interrupt(): void {
    if (running !== undefined) running.abort();
    else if (composer.text !== '') composer = startComposer(composer.history);
    else if (leavesNext) leave();
    else {
      setHint('Ctrl-D or /bye leaves; Ctrl-C again too');
      leavesNext = true;
      hintTimer = setTimeout(() => {
        setHint(undefined);
        options.changed('text');
      }, AGAIN_MS);
    }
  }

  const edit = (action: ComposerAction): void => {
    composer = reduceComposer(composer, action);
  };

  const CONTROLS: Readonly<Record<ControlKey, () => void>> = {
    enter: submit,
    interrupt,
    'end-of-input': () => {
      if (composer.text === '') leave();
      else edit({ type: 'edit', edit: 'delete-forward', width: options.widths().composer });
    },
    'clear-screen': () => show({ kind: 'blank' }),
  };

  const isControl = (action: EditKey | ControlKey): action is ControlKey => Object.hasOwn(CONTROLS, action);

  function pressKey(sequence: string): void {
    const named = nameKey(sequence);
    if (named === undefined) return;
    if ('text' in named) {
      edit({ type: 'insert', text: named.text });
      return;
    }
    const action = Object.hasOwn(KEY_ACTIONS, named.key) ? KEY_ACTIONS[named.key] : undefined;
    if (action !== 'interrupt') setHint(undefined);
    if (action === undefined) return;
    if (isControl(action)) CONTROLS[action]();
    else edit({ type: 'edit', edit: action, width: options.widths().composer });
  }

  tellHistory(options.history?.problem);

  return {
    ended,
    leave,
    isWaiting: () => turn?.answer.phase === 'waiting' || turn?.answer.phase === 'thinking',
    press(token) {
      if (leaving) return;
      if (token.type === 'sequence') pressKey(token.sequence);
      else {
        setHint(undefined);
        edit({ type: 'insert', text: token.text });
      }
      options.changed('key');
    },
    take() {
      if (turn !== undefined) {
        const settled = settleTurn(turn, options.widths().text);
        turn = settled.turn;
        show(...settled.blocks);
      }
      const taken = blocks;
      blocks = [];
      const waiting =
        turn === undefined ? [] : describeWaiting(turn.answer, answered !== conversation.model, now());
      return { blocks: taken, live: { composer, turn, status: hint === undefined ? waiting : [hint] } };
    },
  };
}
