import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { stateDir } from '../config/paths.js';
import type { Io } from '../io.js';

/** Where a server's stderr goes. */
export interface ServerLog {
  readonly file: string;
  write(chunk: Buffer): void;
  close(): void;
}

const MOST_BYTES = 1_000_000;

/**
 * Opens the log of an MCP server in the state folder, readable by its owner alone, and goes on with it unless it is full.
 * A disk that fails never fails the server.
 */
export function openServerLog(io: Pick<Io, 'env' | 'platform' | 'now'>, server: string): ServerLog {
  const file = path.join(stateDir(io.env, io.platform), 'logs', `mcp-${server}.log`);
  let handle: number | undefined;
  let size = 0;
  const close = (): void => {
    if (handle !== undefined) closeSync(handle);
    handle = undefined;
  };
  const write = (chunk: Buffer): void => {
    if (handle === undefined || size >= MOST_BYTES) return;
    try {
      size += writeSync(handle, chunk.subarray(0, MOST_BYTES - size));
    } catch {
      close();
    }
  };
  try {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    handle = openSync(file, 'a', 0o600);
    size = fstatSync(handle).size;
    if (size >= MOST_BYTES / 2) {
      ftruncateSync(handle);
      size = 0;
    }
    write(Buffer.from(`--- started ${new Date(io.now()).toISOString()}\n`));
  } catch {
    close();
  }
  return { file, write, close };
}
