import type { RegistryConfig, RegistryManifest } from '../core/registry.js';

const TEMPLATE = 'application/vnd.ollama.image.template';
const EMBEDDERS = /bert|embed/i;

/** The layer of a manifest that holds the template, from which a server itself reads what a model can do. */
export function templateLayer({ layers }: RegistryManifest): { digest: string; size: number } | undefined {
  return layers.find(({ mediaType }) => mediaType === TEMPLATE);
}

/** What a model can do, by the rules of a server: its config's own word, its layers, the names in its template. */
export function readCapabilities(
  { layers }: RegistryManifest,
  { capabilities, model_family: family = '' }: RegistryConfig,
  template: string,
): string[] {
  if (capabilities !== undefined && capabilities.length > 0) return [...capabilities];
  const found = [EMBEDDERS.test(family) ? 'embedding' : 'completion'];
  if (layers.some(({ mediaType }) => mediaType.endsWith('.projector'))) found.push('vision');
  if (/\.Tools\b/.test(template)) found.push('tools');
  if (/\.Suffix\b/.test(template)) found.push('insert');
  if (/\.Think(?:ing)?\b/.test(template)) found.push('thinking');
  return found;
}
