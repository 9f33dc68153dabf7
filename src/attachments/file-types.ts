/** What a file is by its first bytes. */
export type FileType =
  | { readonly kind: 'image' }
  /** Nothing that is known: it may be a text. */
  | { readonly kind: 'unknown' }
  /** Neither a text nor an image that models see; `what` fits behind "is". */
  | { readonly kind: 'other'; readonly what: string; readonly hint: string | undefined };

const CONVERT = 'Convert it to PNG, JPEG or WebP first.';

/** The first bytes of formats, a `?` for any byte. Ollama takes the first three (its CLI, interactive.go). */
const SIGNS: readonly (readonly [sign: string, type: FileType])[] = [
  ['\x89PNG\r\n\x1a\n', { kind: 'image' }],
  ['\xff\xd8\xff', { kind: 'image' }],
  ['RIFF????WEBP', { kind: 'image' }],
  ['GIF8', { kind: 'other', what: 'a GIF', hint: CONVERT }],
  ['II*\0', { kind: 'other', what: 'a TIFF', hint: CONVERT }],
  ['MM\0*', { kind: 'other', what: 'a TIFF', hint: CONVERT }],
  ['BM????\0\0\0\0', { kind: 'other', what: 'a BMP', hint: CONVERT }],
  ['????ftypheic', { kind: 'other', what: 'a HEIC image', hint: CONVERT }],
  ['????ftypmif1', { kind: 'other', what: 'a HEIF image', hint: CONVERT }],
  ['????ftypavif', { kind: 'other', what: 'an AVIF image', hint: CONVERT }],
  ['%PDF-', { kind: 'other', what: 'a PDF', hint: 'Take its text out first, for example with pdftotext.' }],
  [
    'PK\x03\x04',
    { kind: 'other', what: 'a ZIP archive or an office document', hint: 'Give its text instead.' },
  ],
  ['\x1f\x8b', { kind: 'other', what: 'compressed (gzip)', hint: 'Unpack it first.' }],
  ['GGUF', { kind: 'other', what: 'a GGUF model', hint: undefined }],
];

/** Tells what a file is by its first bytes, of which a dozen is enough. */
export function recogniseFile(start: Buffer): FileType {
  const text = start.toString('latin1');
  const fits = (sign: string): boolean =>
    text.length >= sign.length && [...sign].every((char, index) => char === '?' || char === text[index]);
  return SIGNS.find(([sign]) => fits(sign))?.[1] ?? { kind: 'unknown' };
}

/** The text of some bytes, UTF-8 or what their byte order mark says, without the mark; undefined for what is no text. */
export function decodeText(bytes: Buffer): string | undefined {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
