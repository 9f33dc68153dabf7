import { OllamaError } from '../core/errors.js';

/** A place in a text, both counted from 1. Before all that can be wrong a line has ASCII alone: a column is a character. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The `usage` error for a mistake in a Modelfile: where it is, what it is, and what would be right. */
export function mistake(file: string, at: Place, what: string, hint?: string): OllamaError {
  return new OllamaError('usage', `${file}:${at.line}:${at.column}: ${what}`, { hint });
}

/** Finds the place of an offset in `text`, whose lines end in `\n`. */
export function createPlaces(text: string): (offset: number) => Place {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
  };
}
