// What a chat in a terminal costs while answers stream into it, and what it keeps of them.
import { figure } from './figures.js';
import { openChat } from './live-chat.js';

const RATE = 200;
const SHORT = 1_000;
const LONG = 20_000;
/** So that as much of short answers is measured as of a long one, or nearly. */
const SHORTS = 10;
/** What an answer is of, from its first token to its last. */
const KINDS = ['prose', 'code', 'list'];
/** About 1 kB. */
const TURN = 'Say prose-240 of the sky, in as many words as are asked for';
const TURN_BYTES = 1_000;
const FIRST_TURN = 20;
const LAST_TURN = 500;

/** An answer at the pace of a fast model: the share of a core in percent, and the megabytes written. */
async function streamMixed(rig, tokens) {
  const chat = await openChat(rig);
  const before = await chat.rest();
  const seconds = await chat.ask(`Say mixed-${tokens}-${RATE}`);
  const after = await chat.rest();
  await chat.leave();
  return {
    share: (after.cpuMs - before.cpuMs) / seconds / 10,
    megabytes: (after.bytes - before.bytes) / 1e6,
  };
}

async function measureStream(rig, { stream, streamTokens }) {
  const all = [];
  for (let n = 0; n < stream; n += 1) all.push(await streamMixed(rig, streamTokens));
  const what = `Markdown of ${streamTokens} tokens at ${RATE} a second`;
  const of = (name) => all.map((each) => each[name]);
  return [
    figure(`${what}: of a core`, of('share'), { atMost: 15, unit: ' %', digits: 1 }),
    figure('  written to the terminal', of('megabytes'), { atMost: 3, unit: ' MB' }),
  ];
}

/** What a token of a long answer costs, to one of short answers; both in a chat that has answered before. */
async function compareLengths(rig, kind, rate) {
  const chat = await openChat(rig);
  await chat.ask(`Say ${kind}-${SHORT}-${rate}`);
  const start = await chat.rest();
  for (let n = 0; n < SHORTS; n += 1) await chat.ask(`Say ${kind}-${SHORT}-${rate}`);
  const middle = await chat.rest();
  await chat.ask(`Say ${kind}-${LONG}-${rate}`);
  const end = await chat.rest();
  await chat.leave();
  const short = (middle.cpuMs - start.cpuMs) / SHORT / SHORTS;
  const long = (end.cpuMs - middle.cpuMs) / LONG;
  console.error(
    `a token of ${kind}: ${(short * 1000).toFixed(0)} us, ${(long * 1000).toFixed(0)} us in the long answer`,
  );
  return long / short;
}

async function measureLengths(rig, kind, { lengths, lengthRate }) {
  const ratios = [];
  for (let n = 0; n < lengths; n += 1) ratios.push(await compareLengths(rig, kind, lengthRate));
  return [figure(`a token at ${LONG} tokens of ${kind}, to one at ${SHORT}`, ratios, { atMost: 1.3 })];
}

async function measureTurns(rig, { turns }) {
  const grown = [];
  for (let n = 0; n < turns; n += 1) {
    const chat = await openChat(rig);
    let before;
    for (let turn = 1; turn <= LAST_TURN; turn += 1) {
      await chat.ask(TURN);
      if (turn === FIRST_TURN) before = await chat.rest();
    }
    const after = await chat.rest();
    await chat.leave();
    grown.push(after.rssMb - before.rssMb);
  }
  const text = ((LAST_TURN - FIRST_TURN) * TURN_BYTES) / 1024 / 1024;
  const what = `memory from turn ${FIRST_TURN} to turn ${LAST_TURN} of 1 kB`;
  return [figure(what, grown, { atMost: Number((3 * text + 10).toFixed(1)), unit: ' MB', digits: 1 })];
}

/** The figures of a chat in a terminal: `runs` says how many of each, and whether at once what no clock is needed for. */
export async function measureChat(rig, runs) {
  const parts = [
    ...KINDS.map((kind) => () => measureLengths(rig, kind, runs)),
    () => measureTurns(rig, runs),
  ];
  const figures = await measureStream(rig, runs);
  if (runs.atOnce) return [...figures, ...(await Promise.all(parts.map((measure) => measure()))).flat()];
  for (const measure of parts) figures.push(...(await measure()));
  return figures;
}
