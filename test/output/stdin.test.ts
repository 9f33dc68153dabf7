import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines } from '../../src/output/stdin.js';

async function collect(pieces: readonly Uint8Array[]): Promise<string[]> {
  async function* each(): AsyncGenerator<Uint8Array> {
    for (const piece of pieces) yield await Promise.resolve(piece);
  }
  const lines: string[] = [];
  for await (const line of splitLines(each())) lines.push(line);
  return lines;
}

describe('splitLines', () => {
  it.each([
    ['', []],
    ['a', ['a']],
    ['a\n', ['a']],
    ['a\n\nb\r\nc', ['a', '', 'b', 'c']],
    ['\ufeffa\n', ['a']],
    ['\n', ['']],
  ])('splits %j', async (text, lines) => {
    expect(await collect([Buffer.from(text)])).toEqual(lines);
  });

  it('gives the same lines in whatever pieces they come', async () => {
    const text = fc.array(fc.string({ unit: 'grapheme' }).map((line) => line.replace(/[\r\n]/g, '')));
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(20)), async (lines, cuts) => {
        const whole = Buffer.from(lines.map((line) => `${line}\n`).join(''));
        const pieces: Buffer[] = [];
        let rest = whole;
        for (const cut of cuts) {
          pieces.push(rest.subarray(0, cut));
          rest = rest.subarray(cut);
        }
        expect(await collect([...pieces, rest])).toEqual(
          lines.map((line, index) => (index === 0 ? line.replace(/^\ufeff/, '') : line)),
        );
      }),
    );
  });
});
