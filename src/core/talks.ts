import type { InstalledModel, ModelDetails } from './wire.js';

/** Whether an installed model can hold a conversation; one that does not say what it can do may well. */
export function isToTalkTo({ capabilities, details }: InstalledModel): boolean {
  return capabilities?.includes('completion') ?? !onlyEmbeds(details);
}

/** The families of a model, the first one first. */
export function familiesOf({ family = '', families }: ModelDetails): readonly string[] {
  return [family, ...(families ?? [])];
}

/** Whether a model of these families makes embeddings and nothing else. */
export function onlyEmbeds(details: ModelDetails): boolean {
  return familiesOf(details).some((family) => family.includes('bert'));
}
