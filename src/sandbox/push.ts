import type { ByteSource } from './bytes.js';
import { Refusal } from './errors.js';
import type { Exchange, SendEvent } from './exchange.js';
import { collectEvents, readJson, streamEvents, wantsStream } from './exchange.js';
import type { ModelName } from './names.js';
import { fullName, parseName } from './names.js';
import { LOST } from './pull.js';
import { requestedModel } from './show.js';
import { allLayers } from './store.js';
import { wait } from './wait.js';
import type { World } from './world.js';

const TICK_MS = 60;

/** Answers /api/push: the model goes to the sandbox's own registry. */
export async function pushModel(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const name = parseName(requestedModel(request));
  if (name === undefined) throw new Refusal(400, 'invalid model name');
  const insecure = request['insecure'] === true;
  const produce = (send: SendEvent): Promise<void> => push(world, name, insecure, exchange.signal, send);
  if (wantsStream(request)) await streamEvents(exchange, produce, LOST);
  else await collectEvents(exchange, produce, LOST);
}

async function push(
  world: World,
  name: ModelName,
  insecure: boolean,
  signal: AbortSignal,
  send: SendEvent,
): Promise<void> {
  await send({ status: 'retrieving manifest' }, 0);
  const model = world.store.find(name);
  if (model === undefined) {
    await send({ status: "couldn't retrieve manifest" }, 0);
    const file = `/var/lib/ollama/models/manifests/${fullName(name).replace(/:([^:]*)$/, '/$1')}`;
    throw new Refusal(500, `open ${file}: no such file or directory`);
  }
  if (name.host.includes(':') && !insecure) {
    const url = `https://${name.host}/v2/${name.namespace}/${name.model}/blobs/${model.manifest.config.digest}`;
    throw new Refusal(500, `Head "${url}": http: server gave HTTP response to HTTPS client`);
  }
  const layers = allLayers(model.manifest);
  const total = layers.reduce((sum, layer) => sum + layer.size, 0);
  const blobs = new Map<string, ByteSource>();
  let before = 0;
  for (const layer of layers) {
    const source = world.store.read(layer.digest);
    if (source === undefined) throw new Refusal(500, `open ${layer.digest}: no such file or directory`);
    const known = world.catalog.blob(layer.digest) !== undefined;
    const steps =
      known || world.rate === undefined ? 1 : Math.ceil(((layer.size / world.rate) * 1000) / TICK_MS);
    for (let step = 1; step <= steps; step += 1) {
      if (steps > 1) await wait(TICK_MS, signal);
      const completed = Math.floor((layer.size * step) / steps);
      const numbers = {
        ...(layer.size > 0 ? { total: layer.size } : {}),
        ...(completed > 0 ? { completed } : {}),
      };
      const status = `pushing ${layer.digest.slice(7, 19)}`;
      await send({ status, digest: layer.digest, ...numbers }, (before + completed) / total);
    }
    before += layer.size;
    // The registry keeps small layers even when the model is removed here.
    blobs.set(layer.digest, source);
  }
  await send({ status: 'pushing manifest' }, 1);
  world.catalog.push(name, { manifest: model.bytes, blobs });
  await send({ status: 'success' }, 1, true);
}
