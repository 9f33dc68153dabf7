import type { Settings } from '../config/schema.js';

/** The model that somebody has chosen for the host in force: its provider's block counts before `default_model`. */
export function chosenModel({ providers, default_model: model }: Settings): string | undefined {
  return providers['ollama']?.model ?? model;
}
