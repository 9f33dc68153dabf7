/** Runs work when its turn has come: at most `most` at once, in the order in which it was asked for. */
export type Pool = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** Makes a pool. It holds nothing but what waits. */
export function createPool(most: number): Pool {
  const waiting: (() => void)[] = [];
  let running = 0;
  return async (work) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve));
    else running++;
    try {
      return await work();
    } finally {
      // The place is handed on: nobody who comes in between takes it.
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
