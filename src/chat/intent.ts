import type { Think } from '../core/chat.js';

/** The parts of a model, and of the conversation, that `/show` knows. */
export const SHOW_PARTS = [
  'info',
  'license',
  'modelfile',
  'parameters',
  'system',
  'template',
  'tools',
] as const;

/** The words of `/think`. */
export const THINK_WORDS = ['on', 'off', 'low', 'medium', 'high', 'max'] as const;

/** One of `SHOW_PARTS`. */
export type ShowPart = (typeof SHOW_PARTS)[number];

/** What a line given to the chat asks for. */
export type Intent =
  | { readonly type: 'message'; readonly text: string }
  | { readonly type: 'retry' }
  | { readonly type: 'undo'; readonly turns: number }
  | { readonly type: 'edit' }
  | { readonly type: 'continue' }
  | { readonly type: 'clear' }
  | { readonly type: 'compact' }
  | { readonly type: 'show-system' }
  /** Undefined takes the system prompt away. */
  | { readonly type: 'set-system'; readonly text: string | undefined }
  | {
      readonly type: 'set-parameter';
      readonly name: string;
      /** Undefined goes back to what the model has by itself. */
      readonly value: number | boolean | readonly string[] | undefined;
    }
  | { readonly type: 'show-think' }
  | { readonly type: 'set-think'; readonly think: Think }
  /** Undefined is free text. */
  | { readonly type: 'set-format'; readonly format: 'json' | undefined }
  | { readonly type: 'set-numbers'; readonly areShown: boolean }
  /** Undefined shows the conversation's own settings. */
  | { readonly type: 'show'; readonly part: ShowPart | undefined }
  | { readonly type: 'list-models' }
  | { readonly type: 'switch-model'; readonly name: string }
  | { readonly type: 'attach'; readonly kind: 'file' | 'image'; readonly path: string }
  | { readonly type: 'list-attached' }
  | { readonly type: 'detach' }
  /** Without a block, the whole answer; blocks of code count from 1. */
  | { readonly type: 'copy'; readonly block: number | undefined }
  | { readonly type: 'save'; readonly title: string | undefined }
  | { readonly type: 'load'; readonly name: string }
  | { readonly type: 'export'; readonly file: string }
  | { readonly type: 'list-sessions' }
  | { readonly type: 'stats' }
  /** About one command, or all. */
  | { readonly type: 'help'; readonly about: string | undefined }
  | { readonly type: 'leave' }
  /** Nothing is done, for a reason that is worth a sentence. */
  | { readonly type: 'tell'; readonly text: string }
  | { readonly type: 'reject'; readonly message: string };
