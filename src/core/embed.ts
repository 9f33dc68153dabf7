import { decodeEmbed } from './decode.js';
import { OllamaError, isOllamaError } from './errors.js';
import { refusedFeature, type FeatureMemory } from './features.js';
import { isFields } from './fields.js';
import type { Call, Http } from './http.js';
import type { EmbedRequest, EmbedResponse } from './wire.js';

/**
 * The vectors of one or several texts. A server before 0.2.6 knows the older route alone, which takes one text, cuts it in
 * silence and never shortens a vector: it is asked that way once it has refused the newer one.
 */
export async function embed(
  http: Http,
  memory: FeatureMemory,
  request: EmbedRequest,
  signal: AbortSignal | undefined,
): Promise<EmbedResponse> {
  const call = { method: 'POST', model: request.model, signal, repeatable: true, bounded: false } as const;
  if (await memory.isRefused('embed')) return await embedEach(http, call, request);
  try {
    return decodeEmbed(await http.json({ ...call, path: '/api/embed', body: request }), http.host.url);
  } catch (error) {
    if (!isOllamaError(error) || refusedFeature(error) !== 'embed' || request.dimensions !== undefined)
      throw error;
    const vectors = await embedEach(http, call, request);
    await memory.refuse('embed');
    return vectors;
  }
}

async function embedEach(
  http: Http,
  call: Omit<Call, 'path'>,
  { model, input, options, keep_alive }: EmbedRequest,
): Promise<EmbedResponse> {
  const embeddings: (readonly number[])[] = [];
  for (const prompt of typeof input === 'string' ? [input] : input) {
    const body = {
      model,
      prompt,
      ...(options && { options }),
      ...(keep_alive !== undefined && { keep_alive }),
    };
    embeddings.push(vectorOf(await http.json({ ...call, path: '/api/embeddings', body }), http.host.url));
  }
  return decodeEmbed({ model, embeddings }, http.host.url);
}

function vectorOf(answer: unknown, host: string): readonly number[] {
  const vector = isFields(answer) ? answer['embedding'] : undefined;
  if (Array.isArray(vector) && vector.every((value) => typeof value === 'number')) return vector;
  throw new OllamaError('protocol', `${host} sent no vector.`, { host });
}
