/** What takes the terminal away from the chat for a while. */
export interface AwayOptions {
  /** Runs the person's editor on a text; undefined where nothing came of it. Rejects with why. */
  edit(text: string): Promise<string | undefined>;
  /** Gives the terminal back to the shell until the person takes the chat up again; false where that cannot be. */
  suspend(): Promise<boolean>;
  /** Tells why it went wrong. */
  fail(error: unknown): void;
  /** The terminal is the chat's again. */
  back(): void;
}

/** Whether the terminal is another program's, and what makes it so; nothing of it rejects. */
export interface Away {
  /** Keys that come now are not the chat's. */
  isAway(): boolean;
  edit(text: string): Promise<string | undefined>;
  /** Undefined where it went wrong, which is told. */
  suspend(): Promise<boolean | undefined>;
}

/** Starts with the terminal in the chat's hands. */
export function startAway(options: AwayOptions): Away {
  let isAway = false;

  async function run<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    isAway = true;
    try {
      return await work();
    } catch (error) {
      options.fail(error);
      return undefined;
    } finally {
      isAway = false;
      options.back();
    }
  }

  return {
    isAway: () => isAway,
    edit: (text) => run(() => options.edit(text)),
    suspend: () => run(() => options.suspend()),
  };
}
