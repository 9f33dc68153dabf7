import type { Fact } from './wording.js';

/** A finished piece of the conversation on the screen: drawn once into the scrollback, never again. All text is clean. */
export type Block =
  | { readonly kind: 'header'; readonly parts: readonly string[] }
  /** What the person sent. */
  | { readonly kind: 'prompt'; readonly text: string }
  | { readonly kind: 'thought'; readonly text: string }
  /** Rows of an answer, already wrapped; only the first rows of an answer have a blank row before them. */
  | { readonly kind: 'answer'; readonly rows: readonly string[]; readonly first: boolean }
  | { readonly kind: 'facts'; readonly facts: readonly Fact[] }
  | { readonly kind: 'note'; readonly text: string }
  | { readonly kind: 'help'; readonly groups: readonly (readonly (readonly [string, string])[])[] }
  | { readonly kind: 'models'; readonly names: readonly string[]; readonly current: string }
  | { readonly kind: 'failure'; readonly message: string; readonly hint: string | undefined }
  /** As many blank rows as the screen has: Ctrl-L. */
  | { readonly kind: 'blank' };
