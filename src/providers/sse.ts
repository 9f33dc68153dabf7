import { OllamaError } from '../core/errors.js';
import { LONGEST_LINE, type LineReader } from '../core/ndjson.js';

/** The last data of an OpenAI-like stream. */
export const DONE = '[DONE]';

/** Reads server-sent events line by line. */
export interface SseReader<Item> extends LineReader<Item> {
  /** True where no event has begun. */
  isBetween(): boolean;
}

/**
 * Reads server-sent events (the HTML standard's grammar, of which `data` alone counts here: both APIs say in it what it
 * is), and calls `take` with the data of each. A line that is a JSON object by itself counts as data too: some servers
 * answer a request for a stream with a whole answer. A last event that no blank line ends
 * counts where it is whole, which the standard has otherwise: some servers leave that line out.
 */
export function createSseReader<Item>(take: (data: string, items: Item[]) => void): SseReader<Item> {
  let data: string | undefined;
  let isFirst = true;

  const flush = (items: Item[]): void => {
    const whole = data;
    data = undefined;
    if (whole !== undefined && whole.trim() !== '') take(whole, items);
  };

  return {
    isBetween: () => data === undefined && !isFirst,
    take: () => undefined,
    takeLine: (raw, items) => {
      let line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
      if (isFirst) line = line.replace(/^\uFEFF/, '');
      isFirst = false;
      if (line === '') return flush(items);
      if (line.startsWith('{')) {
        data = line;
        return flush(items);
      }
      if (!line.startsWith('data:')) return;
      const value = line.slice(line[5] === ' ' ? 6 : 5);
      data = data === undefined ? value : `${data}\n${value}`;
      if (data.length > LONGEST_LINE) {
        throw new OllamaError('protocol', `The server sent an event of more than ${LONGEST_LINE} bytes.`);
      }
      // Nothing comes behind it, on some servers not even the blank line.
      if (data === DONE) flush(items);
    },
    takeEnd: (items) => {
      // Half an event is a stream that was cut.
      if (data !== undefined && isJson(data)) flush(items);
    },
  };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The JSON of an event's data. Throws `protocol`. */
export function parseData(data: string): unknown {
  try {
    return JSON.parse(data) as unknown;
  } catch (cause) {
    const start = data.slice(0, 80);
    throw new OllamaError('protocol', `The server sent an event that is no JSON: ${JSON.stringify(start)}.`, {
      cause,
    });
  }
}
