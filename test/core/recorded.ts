import { readdirSync, readFileSync } from 'node:fs';
import { pullEventsFromValue, type OllamaPullEvent } from '../../src/core/pull-events.js';

/** One exchange with a real server, as it was recorded on the wire. */
export interface Recording {
  readonly label: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: string | null };
  readonly response: {
    readonly status: number;
    readonly type: string | null;
    readonly ended: 'end' | 'aborted' | 'client went away';
    /** `[milliseconds since the request, text]`. */
    readonly chunks: readonly (readonly [number, string])[];
  };
}

const FOLDER = new URL('../fixtures/recordings/', import.meta.url);

/** The versions of Ollama that exchanges were recorded of. */
export const VERSIONS = ['0.24.0', '0.5.13'] as const;

export function labelsOf(version: string): string[] {
  return readdirSync(new URL(`${version}/`, FOLDER)).map((file) => file.replace(/\.json$/, ''));
}

export function readRecording(version: string, label: string): Recording {
  return JSON.parse(readFileSync(new URL(`${version}/${label}.json`, FOLDER), 'utf8')) as Recording;
}

export function readBody(version: string, label: string): string {
  return readRecording(version, label)
    .response.chunks.map(([, text]) => text)
    .join('');
}

/** The events of a recorded pull, each with its time in milliseconds since the request. */
export function readPull(version: string, label: string): { at: number; event: OllamaPullEvent }[] {
  return readRecording(version, label).response.chunks.flatMap(([at, text]) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .flatMap((line) => pullEventsFromValue(JSON.parse(line)))
      .map((event) => ({ at, event })),
  );
}
