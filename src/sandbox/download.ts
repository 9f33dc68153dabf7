import type { BlobStore, Partial } from './blobs.js';
import type { ByteSource } from './bytes.js';
import { nextTurn } from './bytes.js';
import { aborted, wait } from './wait.js';

const TURN = 1024 * 1024;

/** How one download behaves; the first who asks for a digest decides. */
export interface DownloadManner {
  /** Bytes a second; undefined is unlimited. */
  readonly rate: number | undefined;
  /** The download waits at each of these, in bytes, until it is released. */
  readonly holds: readonly number[];
  /** Milliseconds that a complete layer stays what it is before it counts as done. */
  readonly lingerMs: number;
}

/** One pull's share in a download. */
export interface Ticket {
  readonly digest: string;
  readonly completed: number;
  /** True while it waits at its `holdAt`. */
  readonly held: boolean;
  /** True where all bytes were there before: nothing is to be told of it. */
  readonly wasComplete: boolean;
  /** Settles when the layer is complete and kept; rejects when it could not be. */
  readonly finished: Promise<void>;
  /** Settles at the next thing that happens: the end or a hold. */
  changed(): Promise<void>;
  /** Goes on after a hold, from `completed` or from fewer bytes. */
  release(from?: number): void;
  /** Leaves it; without anyone waiting it stops and keeps what it has. */
  leave(): Promise<void>;
}

/** The downloads under way: pulls that want the same digest share one. */
export interface Downloads {
  join(digest: string, source: ByteSource, manner: DownloadManner): Promise<Ticket>;
  /** Drops what unfinished downloads left of a layer; true where there was something. One under way goes on. */
  forget(digest: string): Promise<boolean>;
  /** Stops all; resolves when their files are closed. */
  close(): Promise<void>;
}

interface Active {
  waiters: number;
  completed: number;
  wasComplete: boolean;
  hold: { release: (from: number | undefined) => void } | undefined;
  readonly stop: AbortController;
  finished: Promise<void>;
  notify: () => void;
  change: Promise<void>;
}

/** Keeps track of the downloads into one store. */
export function openDownloads(blobs: BlobStore): Downloads {
  const active = new Map<string, Active>();

  const start = async (digest: string, source: ByteSource, manner: DownloadManner): Promise<Active> => {
    const partial = await blobs.openPartial(digest, source);
    const state: Active = {
      waiters: 0,
      completed: partial.completed,
      wasComplete: partial.completed >= source.size,
      hold: undefined,
      stop: new AbortController(),
      finished: Promise.resolve(),
      notify: () => undefined,
      change: Promise.resolve(),
    };
    renewChange(state);
    state.finished = transfer(state, partial, source, manner)
      .then(async (complete) => {
        if (complete) await blobs.commit(digest);
      })
      .finally(() => {
        active.delete(digest);
        state.notify();
      });
    // Everyone may have left by the time it fails.
    state.finished.catch(() => undefined);
    return state;
  };

  const starting = new Map<string, Promise<Active>>();
  const obtain = async (digest: string, source: ByteSource, manner: DownloadManner): Promise<Active> => {
    for (;;) {
      const known = active.get(digest);
      if (known !== undefined && !known.stop.signal.aborted) return known;
      if (known !== undefined) await known.finished.catch(() => undefined);
      const under = starting.get(digest);
      if (under !== undefined) {
        await under;
        continue;
      }
      const begun = start(digest, source, manner);
      starting.set(digest, begun);
      try {
        const state = await begun;
        active.set(digest, state);
        return state;
      } finally {
        starting.delete(digest);
      }
    }
  };

  return {
    join: async (digest, source, manner) => {
      const state = await obtain(digest, source, manner);
      state.waiters += 1;
      return {
        digest,
        get completed() {
          return state.completed;
        },
        get held() {
          return state.hold !== undefined;
        },
        wasComplete: state.wasComplete,
        finished: state.finished,
        changed: () => state.change,
        release: (from) => state.hold?.release(from),
        leave: async () => {
          state.waiters -= 1;
          if (state.waiters > 0) {
            // A hold is this one's fault alone.
            state.hold?.release(undefined);
            return;
          }
          state.stop.abort();
          await state.finished.catch(() => undefined);
        },
      };
    },
    forget: async (digest) => {
      const known = active.get(digest);
      if (known?.stop.signal.aborted === false || starting.has(digest)) return false;
      await known?.finished.catch(() => undefined);
      return await blobs.dropPartial(digest);
    },
    close: async () => {
      const all = [...active.values()];
      for (const state of all) state.stop.abort();
      await Promise.allSettled(all.map((state) => state.finished));
    },
  };
}

function renewChange(state: Active): void {
  state.change = new Promise((resolve) => {
    state.notify = resolve;
  });
}

// True when all bytes are there and nobody stopped it.
async function transfer(
  state: Active,
  partial: Partial,
  source: ByteSource,
  manner: DownloadManner,
): Promise<boolean> {
  const { signal } = state.stop;
  const holds = [...manner.holds].sort((a, b) => a - b).filter((at) => at >= partial.completed);
  // One turn of the loop, so that the caller can take its ticket first.
  await nextTurn();
  try {
    if (state.wasComplete) return true;
    const begun = { at: performance.now(), bytes: partial.completed };
    while (partial.completed < source.size && !signal.aborted) {
      const [holdAt] = holds;
      await move(state, partial, source, holdAt ?? source.size, manner.rate, begun);
      if (partial.completed !== holdAt || signal.aborted) continue;
      holds.shift();
      const from = await hold(state);
      if (from !== undefined) {
        await partial.truncate(from);
        state.completed = partial.completed;
      }
      begun.at = performance.now();
      begun.bytes = partial.completed;
    }
    if (manner.lingerMs > 0 && !signal.aborted) await wait(manner.lingerMs, signal);
    return !signal.aborted && partial.completed >= source.size;
  } finally {
    await partial.close();
  }
}

async function move(
  state: Active,
  partial: Partial,
  source: ByteSource,
  stopAt: number,
  rate: number | undefined,
  begun: { readonly at: number; readonly bytes: number },
): Promise<void> {
  const { signal } = state.stop;
  let sinceTurn = 0;
  for await (const chunk of source.read(partial.completed, stopAt)) {
    const step =
      rate === undefined ? chunk.length : Math.max(1, Math.min(chunk.length, Math.floor(rate * 0.03)));
    for (let at = 0; at < chunk.length; at += step) {
      if (signal.aborted) return;
      await partial.append(chunk.subarray(at, at + step));
      state.completed = partial.completed;
      sinceTurn += step;
      if (rate !== undefined) {
        const due = begun.at + ((partial.completed - begun.bytes) / rate) * 1000;
        const ahead = due - performance.now();
        if (ahead > 1) await wait(ahead, signal);
      }
      if (sinceTurn >= TURN) {
        sinceTurn = 0;
        await nextTurn();
      }
    }
  }
}

async function hold(state: Active): Promise<number | undefined> {
  const released = new Promise<number | undefined>((resolve) => {
    state.hold = { release: resolve };
    void aborted(state.stop.signal).then(() => {
      resolve(undefined);
    });
  });
  state.notify();
  renewChange(state);
  const from = await released;
  state.hold = undefined;
  return from;
}
