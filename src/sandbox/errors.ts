/** An error that a handler answers with; its text and status are the real server's. */
export class Refusal extends Error {
  readonly status: number;
  /** Where the real server leaves the character set out of the content type. */
  readonly bare: boolean;
  /** What the body holds besides `error`. */
  readonly extra: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    message: string,
    about: { bare?: boolean; extra?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.bare = about.bare ?? false;
    this.extra = about.extra ?? {};
  }
}

/** Thrown in a handler whose client has gone, or whose stream a fault has ended: there is nobody to tell. */
export class StreamOver extends Error {
  constructor() {
    super('the stream is over');
    this.name = 'StreamOver';
  }
}
