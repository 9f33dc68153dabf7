import type { OllamaClient } from '../core/client.js';
import { checkModelName } from '../core/model-name.js';
import type { CreateRequest } from '../core/wire.js';
import { mistake } from './mistake.js';
import { parseModelfile, type Command, type Modelfile } from './parse.js';
import { readRequest } from './request.js';
import { findSource, type Base, type Source, type SourceFile } from './sources.js';

/** The field of the request that a file belongs to. */
export type FileRole = 'files' | 'adapters' | 'draft_files';

/** A file to be sent, and what for. */
export interface PlannedFile extends SourceFile {
  readonly role: FileRole;
}

/** A model to be made, all that is on this machine looked at and nothing sent. */
export interface CreatePlan {
  /** Without its files: their digests come with reading them. */
  readonly request: CreateRequest;
  readonly files: readonly PlannedFile[];
  readonly warnings: readonly string[];
}

/** How a model is asked for besides its Modelfile. */
export interface CreateOptions {
  readonly model: string;
  readonly quantize?: string | undefined;
  readonly draftQuantize?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The first version that takes one model in several GGUF files. Source: server/split_gguf.go of Ollama. */
const SPLIT_SINCE = [0, 35];

/**
 * Looks at all that a Modelfile's text names, and plans what is sent. Throws `usage` with file, line and column for every
 * mistake in it; `client` is asked for no more than its version.
 */
export async function planCreate(
  client: Pick<OllamaClient, 'version' | 'host'>,
  text: string,
  base: Base,
  options: CreateOptions,
): Promise<CreatePlan> {
  const modelfile = parseModelfile(text, base.file);
  const wanted = readRequest(modelfile);
  const { from, sources } = await findFroms(wanted.froms, base);
  const drafts = await findAll(wanted.drafts, base);
  const adapters = await findAll(wanted.adapter === undefined ? [] : [wanted.adapter], base);
  checkDrafts(drafts, sources, modelfile);
  const found = [...sources, ...drafts, ...adapters];
  await checkSplit(client, found, options.signal, modelfile);
  if (options.draftQuantize !== undefined && drafts.length === 0) {
    throw mistake(base.file, { line: 1, column: 1 }, '--draft-quantize needs a DRAFT, and there is none.');
  }
  return {
    request: {
      model: options.model,
      ...(from === undefined ? {} : { from }),
      ...wanted.fields,
      ...(options.quantize === undefined ? {} : { quantize: options.quantize }),
      ...(options.draftQuantize === undefined ? {} : { draft_quantize: options.draftQuantize }),
    },
    files: [
      ...gather('files', sources, modelfile),
      ...gather('adapters', adapters, modelfile),
      ...gather('draft_files', drafts, modelfile),
    ],
    warnings: wanted.warnings,
  };
}

interface Found {
  readonly command: Command;
  readonly source: Source;
}

async function findAll(commands: readonly Command[], base: Base): Promise<Found[]> {
  const found: Found[] = [];
  for (const command of commands) {
    const source = await findSource(command, base);
    if (source) found.push({ command, source });
  }
  return found;
}

/** A model is made of another one, or of files: Ollama takes the last model and drops files beside it without a word. */
async function findFroms(
  froms: readonly Command[],
  base: Base,
): Promise<{ from: string | undefined; sources: Found[] }> {
  const sources = await findAll(froms, base);
  const names = froms.filter((command) => !sources.some((found) => found.command === command));
  const [first, second] = names;
  if (first === undefined) return { from: undefined, sources };
  if (second) {
    throw mistake(base.file, second.at, `a second FROM: line ${first.at.line} names a model already.`);
  }
  const [beside] = sources;
  if (beside) {
    const [earlier, later] = [first, beside.command].sort((a, b) => a.at.line - b.at.line);
    const place = later?.at ?? first.at;
    throw mistake(
      base.file,
      place,
      `FROM names a model and files: line ${earlier?.at.line ?? 1} has the other.`,
    );
  }
  try {
    checkModelName(first.value);
  } catch (error) {
    const hint = first.value.includes(' #') ? 'A comment has a line of its own.' : undefined;
    const why = error instanceof Error ? error.message : String(error);
    throw mistake(base.file, first.valueAt, `${why} And there is no such file.`, hint);
  }
  return { from: first.value, sources };
}

function checkDrafts(drafts: readonly Found[], sources: readonly Found[], { file }: Modelfile): void {
  for (const { command, source } of drafts) {
    if (sources.some((other) => other.source.path === source.path)) {
      throw mistake(file, command.valueAt, 'DRAFT names the same files as FROM: a draft is a smaller model.');
    }
  }
}

async function checkSplit(
  client: Pick<OllamaClient, 'version' | 'host'>,
  found: readonly Found[],
  signal: AbortSignal | undefined,
  { file }: Modelfile,
): Promise<void> {
  const split = found.find(({ source }) => source.split);
  if (split === undefined) return;
  const version = await client.version({ signal });
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [, since = 0] = SPLIT_SINCE;
  if (major > 0 || minor >= since) return;
  throw mistake(
    file,
    split.command.valueAt,
    `the model is in several GGUF files, which Ollama takes since ${SPLIT_SINCE.join('.')}; ${client.host.display} is ${version}.`,
    'Put them together: llama-gguf-split --merge FIRST-FILE OUTPUT.gguf',
  );
}

/** All files of one field; two of one name can't both be sent. */
function gather(role: FileRole, found: readonly Found[], { file }: Modelfile): PlannedFile[] {
  const files = new Map<string, PlannedFile>();
  const several = found.flatMap(({ source }) => source.files).length > 1 && found.length > 1;
  for (const { command, source } of found) {
    if (several && source.kind === 'safetensors') {
      throw mistake(
        file,
        command.at,
        `a folder of safetensors is a whole model: no second one goes with it.`,
      );
    }
    for (const one of source.files) {
      const known = files.get(one.name);
      if (known && known.path !== one.path) {
        throw mistake(
          file,
          command.valueAt,
          `two files are called ${one.name}: ${known.path} has that name too.`,
        );
      }
      files.set(one.name, { ...one, role });
    }
  }
  return [...files.values()];
}
