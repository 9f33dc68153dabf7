/** One thing to do next: a label, a command that can be copied, and a remark. */
export interface NextStep {
  readonly label: string;
  readonly command: string;
  readonly note?: string;
}

/** What is known around an error, for a better next step. */
export interface FailureFacts {
  /** The names of the models that are installed, where they could be asked for. */
  readonly installed?: readonly string[];
  /** The server as it was named on the command line: a command to copy must ask the same one. */
  readonly hostFlag?: string | undefined;
  /** The configured host that failed, with its address as it is kept, never with a password. */
  readonly host?: { readonly name: string; readonly url: string } | undefined;
  /** Configured hosts that may have been meant, where the server's name is none that the network knows. */
  readonly hosts?: readonly string[] | undefined;
  /** True where the registry was allowed plain HTTP: the same command needs it again. */
  readonly insecure?: boolean | undefined;
  /** The window of the conversation in tokens, and smaller models that are installed: for one that found no memory. */
  readonly window?: number | undefined;
  readonly smaller?: readonly string[] | undefined;
}

/** Those facts, and the server as a person reads it. */
export interface Circumstances extends FailureFacts {
  readonly where: string;
}

/** What to say about an error where its own words don't do, and what to do. */
export interface Advice {
  readonly message?: string;
  readonly steps: readonly NextStep[];
}

/** A word as a shell takes it, quoted where it must be. */
export function shellWord(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command of ours as it reaches the same server, and the same registry. */
export function asAsked(command: string, { hostFlag, insecure }: FailureFacts): string {
  const plain = insecure === true && /^ollama-cli (?:pull|push) (?!.*--insecure)/.test(command);
  return throughHost(plain ? `${command} --insecure` : command, hostFlag);
}

/** Commands of ours, alone or in a sentence, with the `-H` that they need to reach the same server; never with a password. */
export function throughHost(command: string, hostFlag: string | undefined): string {
  if (hostFlag === undefined || hostFlag.includes('@')) return command;
  return command.replaceAll(
    /\bollama-cli (?=(?:pull|rm|show|chat|list|health|ps|stop|cp|mv|create|push|update|outdated|verify|df|prune|fit|embed)\b)/g,
    () => `ollama-cli -H ${shellWord(hostFlag)} `,
  );
}
