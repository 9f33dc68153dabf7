import type { ChatMetrics, Think } from '../core/chat.js';
import type { ChatMessage, ModelOptions } from '../core/wire.js';

/**
 * One line of a kept conversation's file, in the order in which it happened. `at` is ISO 8601. The file is only ever
 * appended to: what is taken back is taken back by a later line.
 */
export type SessionEntry =
  | {
      readonly type: 'session';
      readonly schema_version: 1;
      readonly id: string;
      readonly at: string;
      readonly host: string;
      readonly model: string;
    }
  /** The conversation goes on with these from now on; `null` is none. */
  | {
      readonly type: 'settings';
      readonly at: string;
      readonly model?: string;
      readonly system?: string | null;
      readonly options?: ModelOptions;
      readonly think?: Think | null;
    }
  /** What a person, a model or a function said. `stopped`: the model was stopped, or broke off, before its end. */
  | {
      readonly type: 'message';
      readonly at: string;
      readonly message: ChatMessage;
      readonly model?: string;
      /** Who answered, where that was not the host that was asked first. */
      readonly provider?: string;
      readonly metrics?: ChatMetrics;
      readonly stopped?: true;
    }
  /** More of the answer that is coming, so that little of it is lost where the program is killed; a message follows. */
  | { readonly type: 'delta'; readonly content?: string; readonly thinking?: string }
  /** `delete_count` messages from `start` on are replaced by these: undo, clear, compact, an answer that goes on. */
  | {
      readonly type: 'splice';
      readonly at: string;
      readonly start: number;
      readonly delete_count: number;
      readonly insert: readonly ChatMessage[];
    }
  | { readonly type: 'title'; readonly at: string; readonly title: string };

/** Keeps a conversation as it happens. A failure of the disk never fails the conversation: it is told once. */
export interface Recorder {
  readonly id: string;
  /** Appends an entry, in order. The file is made with the first message: a chat in which nothing was said leaves none. */
  record(entry: SessionEntryBody): void;
  /** More of the answer; written at most twice a second. */
  delta(content: string, thinking: string): void;
  /** Resolves when all is written; with why it could not be, told once. */
  flush(): Promise<unknown>;
}

type WithoutTime<Entry> = Entry extends unknown ? Omit<Entry, 'at'> : never;

/** An entry before the recorder gives it its time. */
export type SessionEntryBody = WithoutTime<Exclude<SessionEntry, { type: 'session' | 'delta' }>>;
