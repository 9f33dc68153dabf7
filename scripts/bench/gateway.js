// The gateway to the least that does the same: a proxy that pipes the same streams, and its framework answering a constant.
// What the caller reads differs: the proxy hands on the server's chunks, the gateway its own events, framed as they are.
import { fork, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { figure, median } from './figures.js';
import { BIN, script } from './rig.js';

const STREAMS = 200;
const TOKENS = 200;
const TOKENS_A_SECOND = 40;
const HELD = 1_000;
/** So long after the last byte nothing goes on any more, and what is watched has been written down. */
const REST_MS = 1_000;
const LOOK_MS = 50;
const CONNECTIONS = 20;
const MESSAGE = 'Why is the sky blue?';
const LIST = '/api/providers/ollama/models';

let opened = 0;

/** Starts a program that prints its address, and watches what it costs. */
async function start(rig, args, { env = rig.env, input } = {}) {
  const watched = path.join(rig.home, `gateway-${(opened += 1)}`);
  const child = spawn(process.execPath, ['--require', script('watch.cjs'), ...args], {
    cwd: rig.folders.empty,
    env: { ...env, BENCH_WATCH: watched },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.end(input);
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error(`${args.join(' ')} did not start`)));
  });
  return {
    url,
    /** What it has cost, once it rests. */
    async rest() {
      const since = Date.now() + REST_MS;
      for (;;) {
        await sleep(LOOK_MS);
        const line = readFileSync(watched, 'utf8').split('\n').at(-2);
        const sample = line === undefined ? undefined : JSON.parse(line);
        if (sample?.at >= since) return sample;
      }
    },
    close: () => child.kill('SIGKILL'),
  };
}

/** A process of callers. */
function openCallers() {
  const child = fork(script('streams.js'));
  const ask = async (order, question, times) => {
    const answer = new Promise((resolve, reject) => {
      child.once('message', ({ done, error }) => (done ? resolve(done) : reject(new Error(error))));
    });
    child.send({ order, question, times });
    return await answer;
  };
  return { ask, close: () => child.kill() };
}

const toGateway = ({ url }, model) => ({
  url,
  path: '/api/chat',
  body: { message: MESSAGE, model, stream: true },
});
const toProxy = ({ url }, model) => ({
  url,
  path: '/v1/chat/completions',
  body: { model, messages: [{ role: 'user', content: MESSAGE }], stream: true },
});

const startProxy = (rig, server) => start(rig, [script('bare-proxy.cjs'), server.url]);
const startGateway = (rig, server) =>
  start(rig, [BIN, 'gateway', '--listen', '0', '--no-token'], { env: rig.ofServer(server.url) });

async function measureStreams(server, rig, runs) {
  const proxy = await startProxy(rig, server);
  const gateway = await startGateway(rig, server);
  const callers = openCallers();
  const ways = { proxy: [proxy, toProxy], gateway: [gateway, toGateway] };
  const first = { proxy: [], gateway: [] };
  const costs = { proxy: [], gateway: [] };
  const paced = `tokens-${TOKENS}-${TOKENS_A_SECOND}`;
  try {
    for (let n = 0; n <= runs.gateway; n += 1) {
      for (const [name, [program, ask]] of Object.entries(ways)) {
        // Not the first run: it makes what runs quick.
        const one = await callers.ask('each', ask(program, 'tokens-1-1'), 300);
        const before = await program.rest();
        await callers.ask('together', ask(program, paced), STREAMS);
        const { cpuMs } = await program.rest();
        if (n === 0) continue;
        first[name].push(median(one.first));
        costs[name].push((cpuMs - before.cpuMs) / (STREAMS * TOKENS));
      }
    }
  } finally {
    for (const { close } of [callers, proxy, gateway]) close();
  }
  const [firstBase, costBase] = [median(first.proxy), median(costs.proxy)];
  console.error(
    `a proxy's first byte: ${firstBase.toFixed(2)} ms; a token: ${(costBase * 1000).toFixed(1)} us`,
  );
  return [
    figure("gateway: a chat's first byte, to a bare proxy's", first.gateway, {
      base: firstBase,
      atMost: 1.3,
    }),
    figure(`  processor time a token, ${STREAMS} streams, to the proxy's`, costs.gateway, {
      base: costBase,
      atMost: 1.2,
    }),
  ];
}

/** The memory of a new process, and how much it grew by so many streams that have begun and fallen silent. */
async function holdStreams(program, ask) {
  const callers = openCallers();
  try {
    await callers.ask('each', ask(program, 'tokens-1-1'), 20);
    const { rssMb: before } = await program.rest();
    const { open } = await callers.ask('hold', ask(program, 'held'), HELD);
    if (open !== HELD) throw new Error(`${open} streams are open instead of ${HELD}`);
    const { rssMb } = await program.rest();
    return { whole: rssMb, grown: rssMb - before };
  } finally {
    callers.close();
    program.close();
  }
}

async function measureIdle(server, rig, runs) {
  const held = { proxy: [], gateway: [] };
  for (let n = 0; n < runs.held; n += 1) {
    held.proxy.push(await holdStreams(await startProxy(rig, server), toProxy));
    held.gateway.push(await holdStreams(await startGateway(rig, server), toGateway));
  }
  const row = (what, key, atMost) => {
    const base = median(held.proxy.map((each) => each[key]));
    console.error(`a proxy's memory, ${HELD} idle streams (${key}): ${base.toFixed(0)} MB`);
    const values = held.gateway.map((each) => each[key]);
    return figure(what, values, { base, ...(atMost === undefined ? {} : { atMost }) });
  };
  return [
    row(`  memory of ${HELD} idle streams, to the proxy's`, 'grown', 1.3),
    row('    with the whole process', 'whole'),
  ];
}

/** Asks for so long over some connections, one request after another on each; requests a second. */
async function countRequests(url, target, seconds) {
  const { hostname, port, host } = new URL(url);
  const request = `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  const until = performance.now() + seconds * 1000;
  let count = 0;
  const run = () =>
    new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      let left = 0;
      socket.on('error', reject);
      socket.once('connect', () => socket.write(request));
      socket.on('data', (chunk) => {
        if (left === 0) {
          const head = chunk.indexOf('\r\n\r\n');
          const [, status, length] = /^HTTP\/1.1 (\d+)[^]*?content-length: (\d+)/i.exec(
            chunk.toString('latin1', 0, head),
          );
          if (status !== '200') reject(new Error(`${url}${target} has the status ${status}`));
          left = head + 4 + Number(length);
        }
        left -= chunk.length;
        if (left > 0) return;
        count += 1;
        if (performance.now() < until) socket.write(request);
        else socket.end(resolve);
      });
    });
  const start = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, run));
  return count / ((performance.now() - start) / 1000);
}

async function measureList(server, rig, runs) {
  const gateway = await startGateway(rig, server);
  const body = await (await fetch(gateway.url + LIST)).text();
  const constant = await start(rig, [script('bare-fastify.js')], { input: body });
  const rates = { constant: [], gateway: [] };
  try {
    for (let n = 0; n <= runs.list; n += 1) {
      const bare = await countRequests(constant.url, '/', runs.listSeconds);
      const listed = await countRequests(gateway.url, LIST, runs.listSeconds);
      if (n === 0) continue;
      rates.constant.push(bare);
      rates.gateway.push(listed);
    }
  } finally {
    for (const { close } of [constant, gateway]) close();
  }
  const base = median(rates.constant);
  console.error(`requests a second for a constant: ${base.toFixed(0)}`);
  return [
    figure('  lists of models a second, to a constant of the framework', rates.gateway, {
      base,
      atLeast: 0.7,
    }),
  ];
}

/** What the gateway costs beside the least that does the same. */
export async function measureGateway(rig, runs) {
  const server = await start(rig, [script('gateway-server.js')]);
  try {
    return [
      ...(await measureStreams(server, rig, runs)),
      ...(await measureIdle(server, rig, runs)),
      ...(await measureList(server, rig, runs)),
    ];
  } finally {
    server.close();
  }
}
