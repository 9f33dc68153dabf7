import type { Fact } from './wording.js';

/** A finished piece of the conversation on the screen: drawn once into the scrollback, never again. All text is clean. */
export type Block =
  | { readonly kind: 'header'; readonly parts: readonly string[] }
  /** What the person sent. */
  | { readonly kind: 'prompt'; readonly text: string }
  /** What a model thought, whole; `title` is the line that stands for it while it is folded. */
  | { readonly kind: 'thought'; readonly title: string; readonly text: string }
  /** A whole message of a model, in its own markup: of a conversation that is taken up again. */
  | { readonly kind: 'message'; readonly text: string }
  | { readonly kind: 'facts'; readonly facts: readonly Fact[] }
  /** A function that a model called: `get_time {"city": "Rome"}`, and in a few words what came of it. */
  | { readonly kind: 'tool'; readonly call: string; readonly outcome: string; readonly isError: boolean }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'warning'; readonly text: string }
  /** Pairs of what to type, or a name, and what it is or does; groups stand apart. */
  | { readonly kind: 'pairs'; readonly groups: readonly (readonly (readonly [string, string])[])[] }
  | { readonly kind: 'models'; readonly names: readonly string[]; readonly current: string }
  | { readonly kind: 'failure'; readonly message: string; readonly hint: string | undefined };
