// Says what is wrong with what a pull told and left behind, by the plan's faults.
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv } from 'ajv';

const EXITS = {
  ...{
    server_error: 1,
    protocol: 1,
    internal: 1,
    usage: 2,
    invalid_name: 2,
    model_not_found: 3,
    unauthorized: 4,
  },
  ...{ unreachable: 5, timeout: 5, registry_unreachable: 6, stalled: 6, stream_cut: 6, digest_mismatch: 6 },
  ...{ not_allowed: 7, no_space: 7, partial: 8 },
};

/** So many failures in a row that bring no byte are got past without being asked for: the setting `retry.attempts` less one. */
const FREE_FAILURES = 2;

/** What the sandboxes of the plans send until a busy machine has counted it first, in bytes. */
const FIRST_COUNT = 1_000_000;

export const blobFile = (folder, digest) => path.join(folder, 'blobs', digest.replace(':', '-'));

function manifestFile(folder, model) {
  const [name, tag = 'latest'] = model.split(':');
  return path.join(folder, 'manifests', 'registry.ollama.ai', 'library', name, tag);
}

async function hashOf(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk);
  return hash.digest('hex');
}

/** What is wrong with a model in the server's folder, by its own digests; its manifest's digest and size. */
export async function inspectModel(folder, model) {
  const file = manifestFile(folder, model);
  if (!existsSync(file)) return { problems: [`${model} has no manifest`] };
  const bytes = readFileSync(file);
  const { config, layers } = JSON.parse(bytes.toString());
  const blobs = [...new Map([...layers, config].map((blob) => [blob.digest, blob])).values()];
  const problems = [];
  for (const { digest } of blobs) {
    const kept = blobFile(folder, digest);
    const found = existsSync(kept) ? `sha256:${await hashOf(kept)}` : 'nothing';
    if (found !== digest) problems.push(`${model}: ${digest} holds ${found}`);
  }
  const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
  return { problems, size, blobs, digest: createHash('sha256').update(bytes).digest('hex') };
}

const short = (digest) => digest?.replace(/^sha256:/, '');

/** What of the lines is wrong whatever happened: the frame, and counts that fall. */
export function judgeLines(lines) {
  const problems = [];
  const marks = new Map();
  const check = (what, value, { total }) => {
    const before = marks.get(what) ?? 0;
    if (value < before) problems.push(`${what} fell from ${before} to ${value}`);
    if (total !== undefined && value > total) problems.push(`${what} is ${value} of ${total}`);
    marks.set(what, Math.max(before, value));
  };
  for (const line of lines) {
    if (line.type !== 'progress') continue;
    check(`completed of ${line.model} ${line.digest}`, line.completed, line);
    check('completed of all', line.overall.completed, line.overall);
  }
  problems.push(...judgeTotals(lines), ...lines.flatMap(judgeShape));
  if (lines[0]?.type !== 'start') problems.push('the first line is not start');
  const ends = lines.filter(({ type }) => type === 'result' || type === 'error');
  if (ends.length !== 1 || ends[0] !== lines.at(-1))
    problems.push('the last line alone is not result or error');
  return problems;
}

/** A total from the manifests is the true one from then on; all of it has come where all went well. */
function judgeTotals(lines) {
  // Of a pull that failed what did not come counts no more.
  if (lines.some(({ type }) => type === 'model_error')) return [];
  const problems = [];
  const totals = lines.flatMap(({ type, overall }) => (type === 'progress' ? [overall] : []));
  const last = totals.at(-1);
  if (lines.at(-1)?.type === 'result' && last !== undefined && last.completed !== last.total) {
    problems.push(`a result with ${last.completed} of ${last.total}`);
  }
  const manifests = new Set(lines.filter(({ type }) => type === 'manifest').map(({ model }) => model));
  // Without its manifest a model's last layer is the last one as long as nothing is asked for again, and may be unnamed.
  if (lines[0]?.models?.length !== manifests.size) return problems;
  const since = totals.slice(totals.findIndex(({ total_known }) => total_known));
  const seen = new Set(since.map(({ total, total_known }) => (total_known ? total : 'unknown')));
  if (last?.total_known && seen.size > 1) problems.push(`the known total was ${[...seen].join(', then ')}`);
  return problems;
}

const schema = JSON.parse(readFileSync(new URL('../../schemas/pull-event.json', import.meta.url), 'utf8'));
const fitsSchema = new Ajv({ allErrors: false }).compile(schema);
const judgeShape = (line) => (fitsSchema(line) ? [] : [`not by the schema: ${JSON.stringify(line)}`]);

/** The codes that a model may fail with, and whether it has to. */
function expectationOf(plan) {
  const ending = plan.faults.filter(({ codes }) => codes.length > 0);
  const endless = ending.filter(({ times }) => times === undefined);
  const limited = ending.filter(({ times }) => times !== undefined);
  const sum = limited.reduce((all, { times }) => all + times, plan.kill ? 1 : 0);
  const isPassed = sum <= (plan.retries ?? FREE_FAILURES);
  const codes = ending
    .filter(({ passes, times }) => times === undefined || !passes || !isPassed)
    .flatMap((one) => one.codes);
  // Whichever came last is told, where the tries are spent.
  const more =
    endless.length > 0 || !isPassed
      ? [...ending.flatMap((one) => one.codes), ...(plan.kill ? ['stream_cut'] : [])]
      : [];
  return { codes: new Set([...codes, ...more]), mustFail: endless.length > 0 };
}

/** What is wrong with how each model ended, and with the one end of all. */
export function judgeEnd(plan, { lines, code, stderr, killed, fired }) {
  const problems = [];
  const end = lines.at(-1) ?? {};
  const { succeeded = [], failed = [], skipped = [] } = end;
  const { codes, mustFail } = expectationOf(plan);
  const named = [...succeeded, ...failed.map(({ model }) => model), ...skipped].sort();
  if (named.join() !== [...plan.models].sort().join())
    problems.push(`the end tells of ${named.join() || 'no model'}`);
  for (const { model, error } of failed) {
    // A server that is away when a pull begins is not waited for.
    const wasSilent = !lines.some(
      (line) => line.model === model && line.type !== 'model_error' && line.type !== 'manifest',
    );
    const isAway = killed && error.code === 'unreachable' && wasSilent;
    if (!codes.has(error.code) && !isAway)
      problems.push(`${model} ended with ${error.code}: ${error.message}`);
    if (!lines.some((line) => line.type === 'model_error' && line.model === model))
      problems.push(`no model_error of ${model}`);
  }
  problems.push(...judgeRetries(plan, lines, fired));
  if (mustFail && succeeded.length > 0) problems.push(`${succeeded.join()} should have failed`);
  if (skipped.length > 0 && (plan.keepGoing || failed.length === 0))
    problems.push(`${skipped.join()} were skipped`);
  const results = lines.filter(({ type }) => type === 'model_result').map(({ model }) => model);
  if (results.sort().join() !== [...succeeded].sort().join())
    problems.push(`model_result of ${results.join() || 'none'}`);
  return [...problems, ...judgeCode(plan, end, { code, stderr })];
}

/** What never passes is not asked for again; what was got past was asked for again, and that is told. */
function judgeRetries({ faults, kill }, lines, fired) {
  const retries = lines.filter(({ type }) => type === 'retry').length;
  const isLasting = faults.every(({ codes, passes }) => codes.length > 0 && !passes);
  if (isLasting && kill === undefined && retries > 0 && faults.every(({ name }) => name !== 'corrupt')) {
    return [`asked ${retries} times more for what stays as it is`];
  }
  const isTold =
    lines.at(-1)?.type === 'result' &&
    faults.some(({ name, passes, isEarly }) => passes && !isEarly && fired[name] > 0);
  return isTold && retries === 0 ? ['what failed in between is not told'] : [];
}

function judgeCode(plan, { type, error, succeeded = [], failed = [] }, { code, stderr }) {
  if (type === 'result') return code === 0 && failed.length === 0 ? [] : [`a result, and exit ${code}`];
  const exits = new Set(failed.map((one) => EXITS[one.error.code]));
  const isPartial = succeeded.length > 0 || exits.size > 1;
  const wanted = isPartial && plan.models.length > 1 ? 'partial' : failed[0]?.error.code;
  const problems = [];
  if (error?.code !== wanted) problems.push(`the error is ${error?.code}, not ${wanted}`);
  if (code !== EXITS[wanted]) problems.push(`exit ${code} for ${wanted}`);
  const told = stderr.trim().split('\n').at(-1);
  if (!told.includes(`"code":"${wanted}"`)) problems.push(`stderr ends with ${told}`);
  return problems;
}

/** What is wrong with the models that are said to be there. */
export async function judgeModels(folder, lines) {
  const problems = [];
  for (const result of lines.filter(({ type }) => type === 'model_result')) {
    const { model } = result;
    const seen = await inspectModel(folder, model);
    problems.push(...seen.problems);
    if (seen.digest === undefined) continue;
    // A server that is gone by then has not told the digest, nor the layers that it never named.
    if (result.digest !== undefined) {
      const told = result.bytes_downloaded + result.bytes_reused;
      if (short(result.digest) !== seen.digest) problems.push(`${model} has another digest`);
      if (told !== seen.size) problems.push(`${model}: ${told} bytes told of ${seen.size}`);
    }
    const manifest = lines.find((line) => line.type === 'manifest' && line.model === model);
    const alone = lines[0].models.length === 1;
    // The first count of a layer may be of bytes that were there, or of those that have just come: it is a guess.
    if (alone && manifest?.bytes_present === 0 && result.bytes_reused > FIRST_COUNT) {
      problems.push(`${model}: ${result.bytes_reused} bytes called reused, and none were there`);
    }
  }
  return problems;
}
