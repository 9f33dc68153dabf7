import type { CallToolResult } from '@modelcontextprotocol/client';
import { formatBytes } from '../format/bytes.js';

/** The most bytes of a result that a model is told: a tenth of it fills most windows. */
const MOST_RESULT_BYTES = 100_000;

type Part = CallToolResult['content'][number];

/** A result as a model is told: its texts, and in words what is no text. Cut, and then said so. */
export function resultText(result: Pick<CallToolResult, 'content' | 'structuredContent'>): string {
  const parts = result.content.map(partText).filter((text) => text !== '');
  const { structuredContent } = result;
  const whole =
    parts.length === 0 && structuredContent !== undefined
      ? JSON.stringify(structuredContent)
      : parts.join('\n');
  return cutText(whole === '' ? '(It gave nothing back.)' : whole);
}

function partText(part: Part): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'image':
    case 'audio':
      return `(${part.type}: ${part.mimeType}, ${sizeOf(part.data)}; not shown to the model)`;
    case 'resource_link':
      return `(a resource: ${part.name}, ${part.uri})`;
    case 'resource': {
      const { resource } = part;
      if ('text' in resource) return `${resource.uri}:\n${resource.text}`;
      return `(a resource: ${resource.uri}, ${resource.mimeType ?? 'bytes'}, ${sizeOf(resource.blob)}; not shown to the model)`;
    }
  }
}

function sizeOf(base64: string): string {
  return formatBytes(Math.floor((base64.length * 3) / 4));
}

/** A text of at most `most` bytes of UTF-8, with a last line that says how much of it that is. */
export function cutText(text: string, most = MOST_RESULT_BYTES): string {
  const size = Buffer.byteLength(text);
  if (size <= most) return text;
  // A character that was cut through is left out.
  const start = Buffer.from(text)
    .subarray(0, most)
    .toString('utf8')
    .replace(/\ufffd$/, '');
  return `${start}\n(Cut here: these are the first ${formatBytes(most)} of ${formatBytes(size)}.)`;
}
