import type { ToolCall } from '../core/wire.js';
import { formatBytes } from '../format/bytes.js';
import { cleanLine, cleanText } from '../format/clean.js';
import { formatMs } from '../format/duration.js';
import type { ToolResult } from './turn.js';

/** A text of at most `most` characters, with an ellipsis for what is left out. */
function shorten(text: string, most: number): string {
  const chars = [...text.slice(0, most * 2)];
  return chars.length <= most && text.length <= most * 2 ? text : `${chars.slice(0, most - 1).join('')}…`;
}

/** A call in one clean line: `get_time {"city": "Rome"}`, cut to `most` characters. */
export function describeCall({ function: { name, arguments: given } }: ToolCall, most = 200): string {
  const pairs = Object.entries(given).map(
    ([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`,
  );
  return shorten(cleanLine(`${name} {${pairs.join(', ')}}`), most);
}

/** What came of a call in a few clean words: `12:00 (40 ms)`; a long result is told by its size. */
export function describeOutcome({ text, isError, ms }: ToolResult, most = 120): string {
  const clean = cleanText(text).trim();
  const [first = ''] = clean.split('\n');
  const whole = first === clean && clean.length <= most;
  const size = whole ? [] : [formatBytes(Buffer.byteLength(text))];
  const time = isError && ms === 0 ? [] : [formatMs(ms)];
  const remarks = [...size, ...time].join(', ');
  return `${shorten(cleanLine(first), most)}${remarks === '' ? '' : ` (${remarks})`}`;
}

const MOST_ROWS = 20;
const MOST_ROW = 500;

/** The arguments of a call, a clean row for each line of each of them; what is left out is told by how much it is. */
export function listArguments({ function: { arguments: given } }: ToolCall): string[] {
  const rows = Object.entries(given).flatMap(([key, value]) => {
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
    const lines = cleanText(text).split('\n');
    const [first = ''] = lines;
    const name = cleanLine(key);
    return lines.length === 1 ? [`${name}: ${first}`] : [`${name}:`, ...lines.map((line) => `  ${line}`)];
  });
  const shown = rows.slice(0, MOST_ROWS).map((row) => {
    const line = cleanLine(row);
    const rest = line.length - MOST_ROW;
    return rest <= 0 ? line : `${line.slice(0, MOST_ROW)}… (${rest} characters more)`;
  });
  const hidden = rows.length - shown.length;
  return hidden <= 0 ? shown : [...shown, `… (${hidden} lines more)`];
}
