import path from 'node:path';
import { stateDir } from '../config/paths.js';
import type { Io } from '../io.js';

type PlaceIo = Pick<Io, 'env' | 'platform'>;

const SUFFIX = '.jsonl';
/** No letter or digit that is taken for another. */
const LETTERS = 'abcdefghjkmnpqrstuvwxyz23456789';

/** The folder of the kept conversations. */
export function sessionsDir({ env, platform }: PlaceIo): string {
  return path.join(stateDir(env, platform), 'sessions');
}

/** The file of a kept conversation. `id` is one of ours: `makeId`'s, or `readId`'s. */
export function sessionFile(io: PlaceIo, id: string): string {
  return path.join(sessionsDir(io), id + SUFFIX);
}

/** The id that a file's name stands for; undefined for a file that is none of ours. */
export function readId(name: string): string | undefined {
  return /^[a-z\d][\w-]{0,99}\.jsonl$/i.test(name) ? name.slice(0, -SUFFIX.length) : undefined;
}

/** A new id, `20261121-1705-k3f9`: sorted by name they are sorted by time (UTC). `now` is in milliseconds since the epoch. */
export function makeId(now: number): string {
  const [date = '', time = ''] = new Date(now).toISOString().split('T');
  const letters = Array.from({ length: 4 }, () => LETTERS.charAt(Math.floor(Math.random() * LETTERS.length)));
  return `${date.replaceAll('-', '')}-${time.slice(0, 5).replace(':', '')}-${letters.join('')}`;
}
