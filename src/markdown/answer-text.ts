/**
 * The text of an answer as rows on a screen while it comes. Rows that are settled never change; what is left may, and is
 * drawn anew. All rows are styled, and clean if what was pushed was.
 */
export interface AnswerText {
  /** More of the text, already cleaned. */
  push(text: string): void;
  /** The rows that have become final since the last time. */
  settle(): string[];
  /** The last rows, `most` at most, of what is not final yet. */
  tail(most: number): string[];
  /** Nothing more comes: the rows that are left. */
  finish(): string[];
}
