import type { OllamaError } from './core/errors.js';
import { cleanLine } from './format/clean.js';
import { shellWord, type Advice, type Circumstances } from './next-step.js';

const SMALLEST_WINDOW = 1024;
/** Half of what a server gives a model that asks for none, where it has little memory. */
const SMALL_WINDOW = 2048;

/** The window to try where one took too much memory, in tokens: half of it, as a power of two. */
export function smallerWindow(window: number | undefined): number {
  if (window === undefined) return SMALL_WINDOW;
  return Math.max(SMALLEST_WINDOW, 2 ** Math.floor(Math.log2(window / 2)));
}

/** What to do where a model found no memory, or was ended for it. */
export function adviseMemory(error: OllamaError, { where, window, smaller = [] }: Circumstances): Advice {
  const model = cleanLine(error.model ?? 'MODEL');
  const size = smallerWindow(window);
  const [first] = smaller;
  const wasKilled = /signal: killed/i.test(error.message);
  const what = wasKilled
    ? `was ended by the system of ${where}, probably for lack of memory`
    : `does not fit the memory of ${where}`;
  return {
    message: `${error.model === undefined ? 'The model' : model} ${what}: ${error.message}`,
    steps: [
      {
        label: 'a smaller window',
        command: `ollama-cli chat ${shellWord(model)} --num-ctx ${size}`,
        note: `in a chat: /set parameter num_ctx ${size}`,
      },
      first === undefined
        ? {
            label: 'a smaller one',
            command: `ollama-cli tags ${shellWord(model.replace(/:[^:/]*$/, ''))}`,
            note: 'a smaller model, or a smaller quantization of it; ollama-cli fit tells beforehand',
          }
        : {
            label: 'a smaller one',
            command: `ollama-cli chat ${shellWord(cleanLine(first))}`,
            note: `installed and smaller: ${smaller.map(cleanLine).join(', ')}`,
          },
      { label: 'make room', command: 'ollama-cli stop --all', note: 'ollama-cli ps shows what is loaded' },
    ],
  };
}
