import { Refusal } from './errors.js';
import type { Exchange } from './exchange.js';
import { readJson, sendEmpty, sendJson, textField } from './exchange.js';
import { readModel } from './model.js';
import { parseName, showName } from './names.js';
import { detailsOf, requestedModel } from './show.js';
import type { Installed } from './store.js';
import { goTime } from './time.js';
import { isOld } from './world.js';
import type { World } from './world.js';

/** What a terminal must never see raw: the name that the fault `escape-names` puts in the list. */
export const HOSTILE_NAME = 'evil\u001b]0;owned\u0007\u001b[2J\u001b[31mred\u202e:latest';

const MEMORY_PER_TOKEN = 16_384;

/** Answers /api/tags. */
export async function listModels(world: World, exchange: Exchange): Promise<void> {
  const models = await Promise.all(world.store.list().map((model) => describeModel(world, model)));
  const [first] = models;
  if (first !== undefined && exchange.plan.fire('escape-names') !== undefined) {
    models.unshift({ ...first, name: HOSTILE_NAME, model: HOSTILE_NAME });
  }
  sendJson(exchange, 200, { models });
}

async function describeModel(world: World, model: Installed): Promise<object> {
  const name = showName(model.name);
  const details = detailsOf(await readModel(world.store, model), '');
  const { size, digest } = model;
  return { name, model: name, modified_at: goTime(model.modifiedAt), size, digest, details };
}

/** Answers /api/ps. */
export async function listRunning(world: World, exchange: Exchange): Promise<void> {
  const models = [];
  for (const runner of world.runners.list()) {
    const model = world.store.find(runner.name);
    if (model === undefined) continue;
    const facts = await readModel(world.store, model);
    const name = showName(model.name);
    models.push({
      name,
      model: name,
      size: (facts.weights?.size ?? 0) + runner.contextLength * MEMORY_PER_TOKEN,
      digest: model.digest,
      details: detailsOf(facts, ''),
      expires_at: goTime(runner.expiresAt),
      size_vram: 0,
      ...(isOld(world) ? {} : { context_length: runner.contextLength }),
    });
  }
  sendJson(exchange, 200, { models });
}

/** Answers /api/copy. */
export async function copyModel(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const text = {
    source: textField(request, 'source') ?? '',
    destination: textField(request, 'destination') ?? '',
  };
  const source = parseName(text.source);
  const destination = parseName(text.destination);
  if (source === undefined) throw new Refusal(400, `source "${text.source}" is invalid`);
  if (destination === undefined) throw new Refusal(400, `destination "${text.destination}" is invalid`);
  const model = world.store.find(source);
  if (model === undefined) throw new Refusal(404, `model "${text.source}" not found`);
  await world.store.install(destination, model.bytes);
  sendEmpty(exchange, 200);
}

/** Answers /api/delete. */
export async function deleteModel(world: World, exchange: Exchange): Promise<void> {
  const text = requestedModel(readJson(exchange));
  const name = parseName(text);
  if (name === undefined) throw new Refusal(400, `name "${text}" is invalid`);
  if (world.store.find(name) === undefined) {
    if (isOld(world)) throw new Refusal(404, 'model not found', { bare: true, extra: { code: 'not_found' } });
    throw new Refusal(404, `model '${text}' not found`);
  }
  world.runners.unload(name);
  await world.store.remove(name);
  sendEmpty(exchange, 200);
}
