// What JSON leaves as it is inside a string and a terminal obeys: DEL, C1, and what reorders or breaks lines.
// In a function, as putting the properties together costs a start that needs none of it.
const unescaped = (): RegExp => /[\u007f-\u009f\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;

/** JSON that no terminal takes for anything but text; parsed, it is the same value. `indent` is a number of spaces. */
export function stringifyForTerminal(value: unknown, indent = 0): string {
  const json = JSON.stringify(value, undefined, indent) ?? 'null';
  return json.replace(
    unescaped(),
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
