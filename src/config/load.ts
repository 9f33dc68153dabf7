import path from 'node:path';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';
import { checkTree } from './check.js';
import { readEnvironment } from './environment.js';
import { readFlags } from './flags.js';
import type { SettingFlags } from './flags.js';
import type { Layer, LayerValue } from './layer.js';
import { isPackageFile, PACKAGE_PROPERTY, readConfigFile } from './parse-file.js';
import type { ParsedFile } from './parse-file.js';
import { configDir, homeDir, placeFile } from './paths.js';
import { quote } from './quote.js';
import { findProjectFile } from './project-file.js';
import { resolveSettings } from './resolve.js';
import type { Resolved } from './resolve.js';

interface CheckedFile {
  readonly layer: Layer;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Reads flags, environment, project file and user file, and lays them over one another. `configFile` stands in for the
 * project file. Throws `usage` that names a wrong flag, else one `config` with a line for each thing that is wrong in
 * the environment and the files, each named with its variable, or its file, line and key.
 */
export async function loadSettings(
  io: Pick<Io, 'env' | 'cwd' | 'platform'>,
  flags: SettingFlags = {},
  configFile?: string,
): Promise<Resolved> {
  const flagLayer = readFlags(flags);
  const environment = readEnvironment(io.env);
  const [project, user] = await Promise.all([findProject(io, configFile), findUserFile(io)]);
  const files = [
    ...(project === undefined ? [] : [await checkFile(project, 'project')]),
    ...(user === undefined ? [] : [await checkFile(user, 'user')]),
  ];
  const problems = [...environment.problems, ...files.flatMap((file) => file.problems)];
  if (problems.length > 0) throw new OllamaError('config', problems.map(cleanLine).join('\n'));
  const layers = [flagLayer, environment.layer, ...files.map((file) => file.layer)];
  return resolveSettings(
    layers.map((layer) => withPlacedFiles(layer, io)),
    { warnings: files.flatMap((file) => file.warnings), unknownVariables: environment.unknown },
  );
}

async function findProject(
  io: Pick<Io, 'env' | 'cwd' | 'platform'>,
  configFile: string | undefined,
): Promise<ParsedFile | undefined> {
  if (configFile === undefined) return findProjectFile(io.cwd, homeDir(io.env, io.platform));
  const found = await readConfigFile(path.resolve(io.cwd, configFile));
  if (found === undefined) throw new OllamaError('config', `--config: there is no file ${quote(configFile)}`);
  return found;
}

/** `config.yaml` counts where both are there: it is the one that documentation shows. */
async function findUserFile(io: Pick<Io, 'env' | 'platform'>): Promise<ParsedFile | undefined> {
  const folder = configDir(io.env, io.platform);
  return (
    (await readConfigFile(path.join(folder, 'config.yaml'))) ??
    (await readConfigFile(path.join(folder, 'config.json')))
  );
}

async function checkFile(parsed: ParsedFile, kind: 'project' | 'user'): Promise<CheckedFile> {
  const { file, broken } = parsed;
  const { values, problems, ignored } = checkTree(parsed.value, kind === 'user');
  return {
    layer: { kind, file, values },
    problems:
      broken === undefined
        ? await placeProblems(parsed, problems)
        : [`${file}${broken.line === undefined ? '' : `:${String(broken.line)}`}: ${broken.message}`],
    warnings: ignored.map(
      (key) =>
        `${cleanLine(file)}: ${cleanLine(key)} is ignored: only your own configuration file, the environment or a flag may set it`,
    ),
  };
}

async function placeProblems(
  { file, text }: ParsedFile,
  problems: ReturnType<typeof checkTree>['problems'],
): Promise<readonly string[]> {
  if (problems.length === 0) return [];
  const { locateKeys } = await import('./locate.js');
  const locate = locateKeys(text);
  const prefix = isPackageFile(file) ? [PACKAGE_PROPERTY] : [];
  return problems.map(
    ({ path: key, message }) => `${file}:${String(locate([...prefix, ...key]).line)}: ${message}`,
  );
}

/** A relative file of a setting is meant from where it is written: the folder of the file, or the working directory. */
function withPlacedFiles(layer: Layer, io: Pick<Io, 'env' | 'cwd' | 'platform'>): Layer {
  const folder = layer.file === undefined ? io.cwd : path.dirname(layer.file);
  const place = ([key, entry]: [string, LayerValue]): [string, LayerValue] =>
    /(?:^|\.)(?:ca_file|header_file)$/.test(key)
      ? [key, { ...entry, value: placeFile(String(entry.value), folder, io) }]
      : [key, entry];
  return { ...layer, values: new Map([...layer.values].map(place)) };
}
