import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startAnswer } from '../../../src/core/chat.js';
import type { ToolCall } from '../../../src/core/wire.js';
import { openPlainText } from '../../../src/markdown/plain-text.js';
import { createStyles } from '../../../src/output/styles.js';
import { symbols } from '../../../src/output/symbols.js';
import type { TurnEvent } from '../../../src/tools/turn.js';
import { startTranscript } from '../../../src/views/chat/transcript.js';
import type { Transcript } from '../../../src/views/chat/transcript.js';

const openPlain = (columns: number) => () => openPlainText({ width: () => columns - 4 });

function transcribe(columns = 80, prepare: () => Promise<void> | undefined = () => undefined): Transcript {
  let now = 0;
  return startTranscript({
    look: {
      styles: createStyles(0),
      signs: symbols(true),
      unicode: true,
      openText: openPlain(columns),
    },
    columns: () => columns,
    now: () => (now += 1000),
    changed: () => undefined,
    openPlain: openPlain(columns),
    prepare,
  });
}

const token = (text: string): TurnEvent => ({ type: 'token', text });
const thinking = (text: string): TurnEvent => ({ type: 'thinking', text });
const call: ToolCall = { function: { name: 'get\u001B[2J', arguments: { city: 'Rome' } } };
const END = [startAnswer(0), [{ text: '3 tokens', rank: 1, warn: false }]] as const;

describe('a turn', () => {
  test('is its thought folded, its answer, its numbers', () => {
    const transcript = transcribe();
    transcript.begin();
    transcript.receive([thinking('one\ntwo')]);
    expect(transcript.tail(5)?.thought).toEqual(['one', 'two']);
    transcript.receive([token('Blue '), token('light.\nEnd')]);
    expect(transcript.take()).toEqual(['', '  ▸ thought for 1.0s', '', '  Blue light.']);
    expect(transcript.tail(5)?.answer).toEqual(['End']);
    transcript.end(...END);
    expect(transcript.take()).toEqual(['  End', '', '  3 tokens']);
    expect(transcript.tail(5)).toBeUndefined();
  });

  test('goes on with a block that was begun by drawing all of it', () => {
    const transcript = transcribe();
    transcript.begin('let a;');
    transcript.receive([thinking('hm')]);
    transcript.receive([token('\nlet b;\nlet c')]);
    expect(transcript.take().slice(2)).toEqual(['', '  goes on:', '', '  let a;', '  let b;']);
    transcript.end(...END);
    transcript.begin('');
    transcript.receive([token('New')]);
    transcript.end(...END);
    expect(transcript.take()).toEqual(['  let c', '', '  3 tokens', '', '  New', '', '  3 tokens']);
    // An answer behind a call is one of its own.
    transcript.begin('let a;');
    transcript.receive([{ type: 'tool_call', call }, token('New')]);
    transcript.end(...END);
    expect(transcript.take()).toEqual(['', '  New', '', '  3 tokens']);
  });

  test('has a blank row above each header but the first row of all', () => {
    const transcript = transcribe();
    const header = { kind: 'header', parts: ['m on host'] } as const;
    transcript.show(header);
    transcript.show({ kind: 'prompt', text: '/model m' });
    transcript.show(header);
    expect(transcript.take()).toEqual([' m on host', '', '› /model m', '', ' m on host']);
  });

  test('names a call while it lasts, shows what came of it in order, and goes on', () => {
    const transcript = transcribe();
    transcript.begin();
    transcript.receive([token('Let me see.'), { type: 'tool_call', call }]);
    expect(transcript.tail(5)?.calls).toEqual(['get[2J {"city": "Rome"}']);
    const result = { text: '12:30\nand more', isError: false, ms: 5 };
    transcript.receive([{ type: 'tool_result', call, result }, token('It is 12:30.')]);
    expect(transcript.tail(5)?.calls).toEqual([]);
    transcript.end(...END);
    const rows = transcript.take();
    expect(rows).toContain('  ✓ get[2J {"city": "Rome"}');
    expect(rows.indexOf('  Let me see.')).toBeLessThan(rows.indexOf('    12:30 (14 B, 5 ms)'));
    expect(rows.indexOf('    12:30 (14 B, 5 ms)')).toBeLessThan(rows.indexOf('  It is 12:30.'));
    expect(transcript.unfold()).toBeUndefined();
    expect(transcript.take()).toEqual(['', '  ▾ get[2J {"city": "Rome"}', '    12:30', '    and more']);
    expect(transcript.unfold()).toContain('open already');
  });

  test('shows only the last rows of a folded thought, and all of it where it is unfolded', () => {
    const lines = Array.from({ length: 9 }, (_, index) => `line ${index}`);
    const transcript = transcribe();
    transcript.begin();
    transcript.receive([thinking(lines.join('\n'))]);
    transcript.take();
    expect(transcript.tail(5)?.thought).toEqual(lines.slice(-3));
    expect(transcript.unfold()).toBeUndefined();
    transcript.receive([token('x')]);
    expect(transcript.take().filter((row) => row.includes('line'))).toEqual(
      lines.map((line) => `    ${line}`),
    );
    transcript.end(...END);
    expect(transcript.unfold()).toContain('nothing is folded');
  });

  test('waits for what it is drawn with, and loses nothing of it, nor its order', async () => {
    let load: () => void = () => undefined;
    let isThere = false;
    const transcript = transcribe(80, () =>
      isThere
        ? undefined
        : new Promise<void>((resolve) => (load = resolve)).then(() => void (isThere = true)),
    );
    transcript.show({ kind: 'note', text: 'before' });
    transcript.begin();
    transcript.receive([token('answer')]);
    transcript.end(...END);
    transcript.show({ kind: 'note', text: 'behind' });
    expect(transcript.take()).toEqual(['', '  before']);
    load();
    await transcript.settled();
    expect(transcript.take()).toEqual(['', '  answer', '', '  3 tokens', '', '  behind']);
  });

  test('gives the same rows however it is cut, and none that could move the cursor', () => {
    const unit = fc.constantFrom('a', ' ', '\n', '日', '\u001B', '[', '2', 'J', '\u202E', '\u0007', '\u009b');
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 200 }),
        fc.array(fc.nat(20), { maxLength: 30 }),
        (text, cuts) => {
          const play = (chunks: readonly string[]) => {
            const transcript = transcribe(30);
            transcript.begin();
            const rows = chunks.flatMap((chunk) => {
              transcript.receive([token(chunk)]);
              return transcript.take();
            });
            transcript.end(startAnswer(0), []);
            return [...rows, ...transcript.take()];
          };
          const chunks: string[] = [];
          let rest = text;
          for (const cut of cuts) {
            chunks.push(rest.slice(0, cut));
            rest = rest.slice(cut);
          }
          const rows = play([...chunks, rest]);
          expect(rows).toEqual(play([text]));
          expect(rows.join('')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
        },
      ),
    );
  });
});
