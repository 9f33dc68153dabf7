/** What one caller may ask of the gateway. Times are milliseconds, sizes bytes. */
export interface Limits {
  /** Until the head of a request is there. */
  readonly headersMs: number;
  /** Until all of a request is there. */
  readonly requestMs: number;
  /** Between two requests of one connection. */
  readonly idleMs: number;
  /** The longest that a reader may leave what is sent to it unread. */
  readonly unreadMs: number;
  /** All headers of a request together. */
  readonly headerBytes: number;
  readonly bodyBytes: number;
  readonly connections: number;
  /** Chats, pulls and other work at the same time. */
  readonly running: number;
  /** How long what streams may go on after the end was asked for. */
  readonly graceMs: number;
}

/** What holds where nothing else is said. */
export const LIMITS: Limits = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 10_000,
  unreadMs: 30_000,
  headerBytes: 16_384,
  bodyBytes: 1_048_576,
  connections: 4_096,
  running: 1_024,
  graceMs: 30_000,
};

/** The body of a chat, which may bring images. */
export const CHAT_BODY_BYTES = 33_554_432;
