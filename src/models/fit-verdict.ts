/** Whether a model can be loaded: wholly into the memory of the GPU (or, without one, of the machine), partly, or not. */
export type FitVerdict = 'fits' | 'partly' | 'no' | 'unknown';

/** The memory that a verdict counts on, in bytes; absent is unknown. */
export interface FitMemory {
  readonly ram?: number | undefined;
  readonly vram?: number | undefined;
  /** True where both are the same memory. */
  readonly unified?: boolean | undefined;
}

/** What Ollama leaves to a graphics card's own driver. Source: cudaMinimumMemory in Ollama's discover. */
const CARD_RESERVE = 457 * 2 ** 20;

/** The memory of a GPU that a model can take, in bytes; 0 without one that is large enough to count. */
export function usableVram({ vram = 0, unified = false }: FitMemory): number {
  return Math.max(0, vram - (unified ? 0 : CARD_RESERVE));
}

/** The verdict on a model that takes so many bytes. */
export function judgeFit(total: number, memory: FitMemory): FitVerdict {
  const { ram, vram, unified = false } = memory;
  if (total === 0) return 'fits';
  const usable = usableVram(memory);
  if (usable > 0 && total <= usable) return 'fits';
  if (ram === undefined) return 'unknown';
  if (usable === 0 || vram === undefined) return total <= ram ? 'fits' : 'no';
  return total <= (unified ? ram : usable + ram) ? 'partly' : 'no';
}

/** How many bytes a model would need besides all of the memory. */
export function missingBytes(total: number, memory: FitMemory): number {
  const { ram = 0, unified = false } = memory;
  return Math.max(0, total - ram - (unified ? 0 : usableVram(memory)));
}

const GIB = 2 ** 30;

/** The context that a server gives a model that asks for none, by all of its GPU memory. Source: envconfig of Ollama. */
export function defaultContext(vramTotal: number | undefined): number {
  if (vramTotal === undefined || vramTotal < 23 * GIB) return 4_096;
  return vramTotal < 47 * GIB ? 32_768 : 262_144;
}
