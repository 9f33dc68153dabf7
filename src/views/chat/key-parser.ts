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

// The same introducers as one byte each, from a terminal that answers in eight bits (xterm's ctlseqs, "8-Bit Controls").
const CSI = '\u009B';
const SS3 = '\u008F';
const STRING_STARTS = '\u0090\u0098\u009D\u009E\u009F';
const STRING_END = '\u009C';

type State =
  | 'ground'
  | 'escape'
  // CSI and SS3: up to a letter.
  | 'control'
  // ESC [ [ of the Linux console's function keys: one more letter.
  | 'console'
  // ESC [ M of the oldest mouse reports: three characters more.
  | 'mouse'
  // OSC, DCS, APC, PM, SOS: what terminals answer with; up to BEL or ESC \.
  | 'string'
  // ESC within such a string: its end, if a backslash follows.
  | 'string-end'
  | 'paste';

const isControl = (char: string): boolean => char < ' ' || (char >= '\u007F' && char <= '\u009F');

/**
 * UTF-8 in chunks as text. A byte from 0x80 to 0x9F that belongs to no character is a control of eight bits, and becomes
 * that control; every other byte that is no UTF-8 becomes U+FFFD.
 */
function createDecoder(): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let wanted = 0;
  return (bytes) => {
    const stray: number[] = [];
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0;
      if (byte < 0x80) wanted = 0;
      else if (byte >= 0xc0) wanted = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
      else if (wanted > 0) wanted -= 1;
      else if (byte < 0xa0) stray.push(at);
    }
    let text = '';
    let from = 0;
    for (const at of stray) {
      text += decoder.decode(bytes.subarray(from, at), { stream: true });
      text += String.fromCharCode(bytes[at] ?? 0);
      from = at + 1;
    }
    return text + decoder.decode(bytes.subarray(from), { stream: true });
  };
}

/**
 * A state machine over what a terminal in raw mode sends. Escape sequences that nobody knows come as a token of their
 * own, and terminals' answers are swallowed: neither ever becomes text. Bytes that are no UTF-8 become U+FFFD.
 */
export function createKeyParser(): KeyParser {
  const decode = createDecoder();
  let state: State = 'ground';
  let sequence = '';
  let stringBegun = false;
  let mouseLeft = 0;
  // In parts, and with the end of what came before: to put them together with each chunk would cost the paste's square.
  let paste: string[] = [];
  let pasteEnd = '';
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
    else if (char === CSI || char === SS3) {
      sequence = ESC + (char === CSI ? '[' : 'O');
      state = 'control';
    } else if (STRING_STARTS.includes(char)) {
      state = 'string';
      stringBegun = true;
    } else if (isControl(char)) emitSequence();
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
        paste = [];
        pasteEnd = '';
        sequence = '';
      } else if (sequence === `${ESC}[M`) {
        state = 'mouse';
        mouseLeft = 3;
      } else emitSequence();
    }
  }

  function continueString(char: string): void {
    if (char === '\u0007' || char === STRING_END) state = 'ground';
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
      case 'mouse':
        // A key such as Ctrl-C is none of the three: they are printable.
        if (char < ' ') start(char);
        else if (--mouseLeft === 0) emitSequence();
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
    // The end mark may have begun in an earlier chunk.
    const joined = pasteEnd + text;
    const end = joined.indexOf(PASTE_END);
    if (end < 0) {
      paste.push(text);
      pasteEnd = joined.slice(-(PASTE_END.length - 1));
      return text.length;
    }
    const used = end + PASTE_END.length - pasteEnd.length;
    const whole = paste.join('') + text.slice(0, used);
    tokens.push({ type: 'paste', text: whole.slice(0, -PASTE_END.length) });
    paste = [];
    state = 'ground';
    return used;
  }

  function take(): InputToken[] {
    const taken = tokens;
    tokens = [];
    return taken;
  }

  const isUndecided = (): boolean => state === 'escape' || (state === 'string' && !stringBegun);

  return {
    push(bytes) {
      const text = decode(bytes);
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
