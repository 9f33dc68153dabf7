import { digestOf, flipByte } from './bytes.js';
import type { ByteSource } from './bytes.js';
import type { Layer, Package } from './definition.js';
import { parseManifest } from './definition.js';
import type { Ticket } from './download.js';
import { Refusal, StreamOver } from './errors.js';
import type { Exchange, SendEvent } from './exchange.js';
import { collectEvents, readJson, streamEvents, wantsStream } from './exchange.js';
import type { Fault, FaultName, FaultPlan } from './faults.js';
import { faultShare } from './faults.js';
import type { ModelName } from './names.js';
import { parseName } from './names.js';
import { resolvePackage } from './resolve.js';
import { requestedModel } from './show.js';
import { allLayers } from './store.js';
import { aborted, wait } from './wait.js';
import type { World } from './world.js';

/** The error of a registry that breaks off, for the fault `error-line`. */
export const LOST = 'max retries exceeded: unexpected EOF';

const TICK_MS = 60;
const RETRY_TICKS = 10;
// Faults that happen when this share of all bytes is there; the download waits for them.
const AT_SHARE = ['cut', 'stall', 'error-line', 'no-space', 'frozen', 'rolled-back'] as const;

interface Pulling {
  readonly world: World;
  readonly plan: FaultPlan;
  readonly signal: AbortSignal;
  readonly send: SendEvent;
  readonly total: number;
  /** Bytes of all layers at which the faults of this pull happen, and those that are still to come. */
  readonly faultsAt: Map<FaultName, number>;
  readonly corrupt: string | undefined;
}

/** Answers /api/pull. */
export async function servePull(world: World, exchange: Exchange): Promise<void> {
  const request = readJson(exchange);
  const name = parseName(requestedModel(request));
  if (name === undefined) throw new Refusal(400, 'invalid model name');
  const wanted = { name, insecure: request['insecure'] === true };
  const produce = (send: SendEvent): Promise<void> => pullModel(world, wanted, exchange, send);
  if (wantsStream(request)) await streamEvents(exchange, produce, LOST);
  else await collectEvents(exchange, produce, LOST);
}

/** Pulls a model as /api/pull does: layers one after another, then verifying, writing, success. */
export async function pullModel(
  world: World,
  { name, insecure }: { readonly name: ModelName; readonly insecure: boolean },
  { plan, signal }: { readonly plan: FaultPlan; readonly signal: AbortSignal },
  send: SendEvent,
): Promise<void> {
  await send({ status: 'pulling manifest' }, 0);
  const found = await resolvePackage(world, name, insecure, plan, signal);
  const layers = allLayers(parseManifest(found.manifest));
  const isMissing = (layer: Layer): boolean => world.store.read(layer.digest) === undefined;
  const total = layers.reduce((sum, layer) => sum + layer.size, 0);
  const largest = layers.filter(isMissing).sort((a, b) => b.size - a.size)[0];
  const pulling: Pulling = {
    world,
    plan,
    signal,
    send,
    total,
    faultsAt: new Map(
      AT_SHARE.flatMap((fault) => {
        const shown = plan(fault);
        return shown === undefined ? [] : [[fault, Math.max(1, Math.floor(total * faultShare(shown)))]];
      }),
    ),
    corrupt: largest === undefined || plan.fire('corrupt') === undefined ? undefined : largest.digest,
  };
  await losePartials(world, plan, layers);

  let before = 0;
  const fetched: Layer[] = [];
  for (const layer of layers) {
    if (isMissing(layer)) {
      await pullLayer(pulling, layer, found, before);
      fetched.push(layer);
    } else await send(progress(layer, layer.size), (before + layer.size) / total);
    before += layer.size;
  }
  await send({ status: 'verifying sha256 digest' }, 1);
  const verifyingMs = plan.fire('verifying')?.amount ?? 0;
  if (verifyingMs > 0) await wait(verifyingMs, signal);
  for (const layer of fetched) await verify(world, layer);
  await send({ status: 'writing manifest' }, 1);
  const old = world.store.find(name);
  await world.store.install(name, found.manifest);
  const removed = old === undefined ? 0 : await world.store.prune(allLayers(old.manifest));
  if (removed > 0) await send({ status: 'removing unused layers' }, 1);
  await send({ status: 'success' }, 1, true);
}

// `completed` and `total` are left out when they are 0.
function progress(layer: Layer, completed: number): object {
  const event = { status: `pulling ${layer.digest.slice(7, 19)}`, digest: layer.digest };
  return {
    ...event,
    ...(layer.size > 0 ? { total: layer.size } : {}),
    ...(completed > 0 ? { completed } : {}),
  };
}

async function pullLayer(pulling: Pulling, layer: Layer, found: Package, before: number): Promise<void> {
  const { world, plan, send, signal } = pulling;
  await failWithoutProgress(pulling, layer);
  const source = found.blobs.get(layer.digest);
  if (source === undefined) throw new Refusal(500, 'max retries exceeded: EOF');
  const slow = plan.fire('slow')?.amount;
  const rate = Math.min(slow ?? Infinity, world.rate ?? Infinity);
  const ticket = await world.downloads.join(layer.digest, damaged(pulling, layer, source), {
    rate: Number.isFinite(rate) ? rate : undefined,
    holds: holdsOf(pulling, layer, before),
    lingerMs: plan.fire('linger')?.amount ?? 0,
  });
  let told = 0;
  try {
    told = await follow(pulling, layer, ticket, before);
  } finally {
    await ticket.leave();
  }
  if (signal.aborted) throw new StreamOver();
  if (ticket.wasComplete || plan.fire('no-final') !== undefined) return;
  const share = (before + layer.size) / pulling.total;
  await send(progress(layer, layer.size), share);
  if (told > 0) return;
  // Told in one single event would mean that it was there before: real servers repeat a fetched one for a second.
  await wait(TICK_MS, signal);
  await send(progress(layer, layer.size), share);
}

function damaged({ corrupt }: Pulling, layer: Layer, source: ByteSource): ByteSource {
  return corrupt === layer.digest ? flipByte(source, Math.floor(layer.size / 2)) : source;
}

async function losePartials(world: World, plan: FaultPlan, layers: readonly Layer[]): Promise<void> {
  if (plan('lost-partials') === undefined) return;
  for (const { digest } of layers) if (await world.downloads.forget(digest)) plan.fire('lost-partials');
}

function holdsOf({ faultsAt }: Pulling, layer: Layer, before: number): number[] {
  return [...faultsAt.values()]
    .filter((at) => at > before && at <= before + layer.size)
    .map((at) => at - before);
}

/** Tells of a download until it ends; resolves to how many events that took. */
async function follow(pulling: Pulling, layer: Layer, ticket: Ticket, before: number): Promise<number> {
  const { send, signal, total } = pulling;
  let told = 0;
  let running = true;
  const finished = ticket.finished.finally(() => {
    running = false;
  });
  finished.catch(() => undefined);
  const gone = aborted(signal);
  let next = performance.now() + TICK_MS;
  for (;;) {
    if (ticket.held) await meetFaults(pulling, layer, ticket, before);
    const pause = new AbortController();
    await Promise.race([
      finished,
      gone,
      ticket.changed(),
      wait(Math.max(0, next - performance.now()), pause.signal),
    ]);
    pause.abort();
    if (signal.aborted || !running) break;
    if (performance.now() < next) continue;
    next += TICK_MS;
    told += 1;
    await send(progress(layer, ticket.completed), (before + ticket.completed) / total);
  }
  if (!signal.aborted) await finished;
  return told;
}

// The download waits: what the pull's faults do now. Those that end the stream never come back from `send`.
async function meetFaults(pulling: Pulling, layer: Layer, ticket: Ticket, before: number): Promise<void> {
  const { plan, send, signal, total, faultsAt } = pulling;
  const here = before + ticket.completed;
  const due = [...faultsAt].filter(([, at]) => at <= here).map(([name]) => name);
  for (const name of due) faultsAt.delete(name);
  // The share asked for, although it fell between two bytes.
  const shares = due.map((name) => plan(name)).map((fault) => (fault ? faultShare(fault) : 0));
  const asked = Math.max(here / total, ...shares);
  await send(progress(layer, ticket.completed), asked);
  const meets = (name: FaultName): Fault | undefined => (due.includes(name) ? plan.fire(name) : undefined);
  if (meets('no-space') !== undefined) {
    const file = `/var/lib/ollama/models/blobs/${layer.digest.replace(':', '-')}-partial`;
    throw new Refusal(500, `write ${file}: no space left on device`);
  }
  const frozen = meets('frozen')?.amount ?? 0;
  for (const end = performance.now() + frozen; performance.now() < end && !signal.aborted;) {
    await wait(TICK_MS, signal);
    await send(progress(layer, ticket.completed), asked);
  }
  // Not a byte more for who has hung up meanwhile: the next one is to meet the same.
  if (signal.aborted) return;
  if (meets('rolled-back') === undefined) {
    ticket.release();
    return;
  }
  const from = Math.floor(ticket.completed * 0.6);
  await send(progress(layer, from), asked);
  ticket.release(from);
}

// A registry that fails behind the server: lines without `completed`.
async function failWithoutProgress({ plan, send, signal }: Pulling, layer: Layer): Promise<void> {
  const endless = plan.fire('missing-completed') !== undefined;
  if (!endless && plan.fire('max-retries') === undefined) return;
  for (let tick = 0; endless || tick < RETRY_TICKS; tick += 1) {
    await wait(TICK_MS, signal);
    await send(progress(layer, 0), 0);
  }
  throw new Refusal(500, 'max retries exceeded: EOF');
}

async function verify(world: World, layer: Layer): Promise<void> {
  const source = world.store.read(layer.digest);
  const digest = source === undefined ? 'nothing' : await digestOf(source);
  if (digest === layer.digest) return;
  await world.store.blobs.remove(layer.digest);
  throw new Refusal(
    500,
    `digest mismatch, file must be downloaded again: want ${layer.digest}, got ${digest}`,
  );
}
