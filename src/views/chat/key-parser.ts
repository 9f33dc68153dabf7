/** What a person's terminal sent: text, a whole paste, or the bytes of one key or escape sequence. */
export type InputToken =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'paste'; readonly text: string }
  | { readonly type: 'sequence'; readonly sequence: string };

/** Cuts what a terminal sends into tokens, wherever the chunks were cut. */
export interface KeyParser {
  push(bytes: Uint8Array): InputToken[];
  /** True while a lone ESC may be the key or the start of a sequence: after a short silence, `flush`. */
  isUndecided(): boolean;
  /** Decides that what is undecided was a key by itself. */
  flush(): InputToken[];
}

const ESC = '\u001B';
const PASTE_START = `${ESC}[200~`;
const PASTE_END = `${ESC}[201~`;
const LONGEST_SEQUENCE = 64;

type State =
  | 'ground'
  | 'escape'
  // CSI and SS3: up to a letter.
  | 'control'
  // ESC [ [ of the Linux console's function keys: one more letter.
  | 'console'
  // OSC, DCS, APC, PM, SOS: what terminals answer with; up to BEL or ESC \.
  | 'string'
  // ESC within such a string: its end, if a backslash follows.
  | 'string-end'
  | 'paste';

const isControl = (char: string): boolean => char < ' ' || char === '\u007F';

/**
 * A state machine over what a terminal in raw mode sends. Escape sequences that nobody knows come as a token of their
 * own, and terminals' answers are swallowed: neither ever becomes text. Bytes that are no UTF-8 become U+FFFD.
 */
export function createKeyParser(): KeyParser {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let state: State = 'ground';
  let sequence = '';
  let stringBegun = false;
  let paste = '';
  let tokens: InputToken[] = [];

  function emitText(char: string): void {
    const last = tokens.at(-1);
    if (last?.type === 'text') tokens[tokens.length - 1] = { type: 'text', text: last.text + char };
    else tokens.push({ type: 'text', text: char });
  }

  function emitSequence(): void {
    tokens.push({ type: 'sequence', sequence });
    state = 'ground';
    sequence = '';
  }

  function start(char: string): void {
    state = 'ground';
    sequence = char;
    if (char === ESC) state = 'escape';
    else if (isControl(char)) emitSequence();
    else emitText(char);
  }

  function continueEscape(char: string): void {
    if (char === ESC) {
      emitSequence();
      start(char);
      return;
    }
    sequence += char;
    if (char === '[' || char === 'O') state = 'control';
    else if (/[\]P_^X]/.test(char)) {
      state = 'string';
      stringBegun = false;
    } else emitSequence();
  }

  function continueControl(char: string): void {
    if (isControl(char) || char > '~') {
      start(char);
      return;
    }
    // A sequence without end is swallowed, not kept.
    if (sequence.length < LONGEST_SEQUENCE) sequence += char;
    if (sequence === `${ESC}[[`) state = 'console';
    else if (char >= '@') {
      if (sequence === PASTE_START) {
        state = 'paste';
        paste = '';
        sequence = '';
      } else emitSequence();
    }
  }

  function continueString(char: string): void {
    if (char === '\u0007') state = 'ground';
    else if (char === ESC) state = 'string-end';
    // A key such as Enter or Ctrl-C ends a string that has no end.
    else if (isControl(char)) start(char);
    else stringBegun = true;
  }

  function accept(char: string): void {
    switch (state) {
      case 'ground':
        start(char);
        return;
      case 'escape':
        continueEscape(char);
        return;
      case 'control':
        continueControl(char);
        return;
      case 'console':
        if (isControl(char)) start(char);
        else {
          sequence += char;
          emitSequence();
        }
        return;
      case 'string-end':
        start(ESC);
        if (char === '\\') state = 'ground';
        else continueEscape(char);
        return;
      case 'string':
        continueString(char);
        return;
      case 'paste':
        throw new TypeError('a paste is not read by the character');
    }
  }

  /** Takes the paste's part of the text and returns where it ended. */
  function acceptPaste(text: string): number {
    const before = paste.length;
    paste += text;
    // The end mark may have begun in an earlier chunk.
    const end = paste.indexOf(PASTE_END, Math.max(0, before - PASTE_END.length));
    if (end < 0) return text.length;
    tokens.push({ type: 'paste', text: paste.slice(0, end) });
    paste = '';
    state = 'ground';
    return end + PASTE_END.length - before;
  }

  function take(): InputToken[] {
    const taken = tokens;
    tokens = [];
    return taken;
  }

  const isUndecided = (): boolean => state === 'escape' || (state === 'string' && !stringBegun);

  return {
    push(bytes) {
      const text = decoder.decode(bytes, { stream: true });
      let at = 0;
      while (at < text.length) {
        if (state === 'paste') {
          at += acceptPaste(text.slice(at));
          continue;
        }
        const char = String.fromCodePoint(text.codePointAt(at) ?? 0);
        at += char.length;
        accept(char);
      }
      return take();
    },
    isUndecided,
    flush() {
      if (isUndecided()) emitSequence();
      return take();
    },
  };
}
