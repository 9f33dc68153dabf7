import { arch } from 'node:os';
import { versions } from 'node:process';
import type { Context } from '../context.js';
import type { RunningModel } from '../core/wire.js';
import { VERSION } from '../version.js';

/** The machine and the programs on both sides, as a report of a fault needs them. Bytes by the server's account. */
export interface SystemFacts {
  readonly client_version: string;
  readonly server_version?: string;
  readonly platform: string;
  readonly arch: string;
  readonly node: string;
  readonly vram_used_bytes?: number;
}

/** Gathers them. `running`: what the server says is loaded; undefined where it does not tell. */
export function describeSystem(
  { io }: Pick<Context, 'io'>,
  version: string | undefined,
  running: readonly RunningModel[] | undefined,
): SystemFacts {
  return {
    client_version: VERSION,
    ...(version === undefined ? {} : { server_version: version }),
    platform: io.platform,
    arch: arch(),
    node: versions.node,
    ...(running === undefined
      ? {}
      : { vram_used_bytes: running.reduce((bytes, model) => bytes + model.size_vram, 0) }),
  };
}
