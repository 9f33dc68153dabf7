import { mistake } from './mistake.js';

const START = { line: 1, column: 1 };

/**
 * The text of a Modelfile's bytes: UTF-8, or what its byte order mark says; every line ends in `\n`. Throws `usage` for
 * what is no text, above all for the weights themselves.
 */
export function decodeModelfile(bytes: Buffer, file: string): string {
  if (bytes.subarray(0, 4).toString('latin1') === 'GGUF') {
    throw mistake(
      file,
      START,
      'this is a GGUF file, not a Modelfile.',
      `Write a file with the line: FROM ${file}`,
    );
  }
  const text = decode(bytes).replace(/\r\n?/g, '\n');
  if (text.includes('\0'))
    throw mistake(file, START, 'this is no text.', 'A Modelfile is a text that begins with FROM.');
  return text;
}

function decode(bytes: Buffer): string {
  const [first, second, third] = bytes;
  if (first === 0xff && second === 0xfe) return bytes.subarray(2).toString('utf16le');
  if (first === 0xfe && second === 0xff) {
    // A copy, as the bytes are swapped in place; half a character at the end is none.
    const even = bytes.subarray(2, bytes.length - (bytes.length % 2));
    return Buffer.from(even).swap16().toString('utf16le');
  }
  const mark = first === 0xef && second === 0xbb && third === 0xbf;
  return bytes.subarray(mark ? 3 : 0).toString('utf8');
}
