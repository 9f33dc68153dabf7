import { withoutCredentials } from '../config/host-text.js';
import { placeFile } from '../config/paths.js';
import { settingAt } from '../config/schema.js';
import { variableName } from '../config/value-types.js';
import type { Context } from '../context.js';
import { OllamaError } from '../core/errors.js';
import { parseHost, type HostAddress } from '../core/url.js';
import { cleanLine } from '../format/clean.js';
import type { Io } from '../io.js';
import { askSecret } from './ask-secret.js';
import { readCertificates } from './authorities.js';
import { authOf, describeHost, type HostRow } from './describe.js';
import { changeFile, userFile } from './file.js';
import { bearer, parseTyped, readHeaderFile, type Headers } from './headers.js';
import { forgetSecrets, keepSecrets, secretsFile } from './secrets.js';
import { checkKnown, tellChange } from './tell.js';
import { useChanges } from './use.js';

/** The flags of `hosts add`. */
export interface AddFlags {
  readonly headerFile?: string;
  readonly tokenEnv?: string;
  readonly token?: boolean;
  readonly user?: string;
  readonly passwordEnv?: string;
  readonly caFile?: string;
  readonly insecure?: boolean;
  readonly use?: boolean;
  readonly force?: boolean;
}

const FIELDS = [
  ...['name', 'url', 'default', 'auth', 'insecure', 'ca_file'],
  ...['replaced', 'file', 'credentials_file'],
];

/** Stands for every configured host where hosts are named. */
const ALL = 'all';

/** Names a host in the person's own file; a secret goes into a file of its own. Throws `usage`, `config` and `declined`. */
export async function addHost(context: Context, name: string, url: string, flags: AddFlags): Promise<void> {
  const { io, config, settings } = context;
  checkKnown(context, FIELDS);
  checkName(name);
  const address = parseHost(url);
  const existing = Object.hasOwn(settings.hosts, name) ? settings.hosts[name] : undefined;
  if (existing !== undefined && flags.force !== true) {
    const has = parseHost(existing.url).url;
    throw new OllamaError('usage', `The name ${name} is taken: it is ${has}.`, {
      hint: 'Give another name, or --force to replace it.',
    });
  }
  const { file: headerFile, headers } = splitHeaders(context, flags);
  if (headerFile !== undefined) await readHeaderFile(headerFile, io, '--header-file');
  const caFile = await checkCertificates(flags.caFile, io);
  const secret = await readSecret(context, name, address, flags, headerFile !== undefined);

  const file = userFile(config, io);
  const kept = secretsFile(file, name);
  for (const warning of address.warnings) warn(context, warning);
  if (flags.insecure === true && address.protocol === 'http:') {
    warn(context, 'an http:// address has no certificate that --insecure could leave unchecked');
  }
  const restore = secret === undefined ? undefined : await keepSecrets(kept.file, name, secret);
  const changes = [
    {
      path: ['hosts', name],
      value: {
        url: withoutCredentials(url),
        ...(Object.keys(headers).length === 0 ? {} : { headers }),
        ...(flags.tokenEnv === undefined ? {} : { token_env: flags.tokenEnv }),
        ...(secret === undefined ? {} : { header_file: kept.written }),
        ...(headerFile === undefined ? {} : { header_file: headerFile }),
        ...(caFile === undefined ? {} : { ca_file: caFile }),
        ...(flags.insecure === true ? { insecure: true } : {}),
      },
    },
    ...(flags.use === true ? useChanges(name) : []),
  ];
  try {
    await changeFile(file, changes);
  } catch (error) {
    // A host that is not named has no secret, and one that is not replaced keeps its own.
    await restore?.();
    throw error;
  }
  // What was kept for the host that had this name before is nobody's now.
  if (secret === undefined && headerFile !== kept.file) await forgetSecrets(kept.file);

  const held = {
    url: address.url,
    headers,
    ...(flags.tokenEnv === undefined ? {} : { token_env: flags.tokenEnv }),
    ...(caFile === undefined ? {} : { ca_file: caFile }),
    ...(flags.insecure === true ? { insecure: true } : {}),
  };
  const source = secret === undefined ? headerFile : kept.file;
  const auth = await authOf({ ...held, ...(source === undefined ? {} : { header_file: source }) }, io);
  const row = describeHost(name, held, flags.use === true || config.hostName === name, auth);
  await tell(context, row, {
    replaced: existing !== undefined,
    file,
    ...(secret ? { kept: kept.file } : {}),
  });
}

function checkName(name: string): void {
  if (name !== ALL && settingAt(['hosts', name, 'url']) !== undefined) return;
  const why = name === ALL ? '"all" stands for every host' : `"${cleanLine(name)}" is no name for a host`;
  throw new OllamaError('usage', `${why}; a name has letters, digits, - and _.`, {
    hint: 'ollama-cli hosts add NAME URL',
  });
}

/** The file of headers, which one host has one of, and the headers that stand on the command line. */
function splitHeaders(
  { io, flags: { header = [] } }: Context,
  { headerFile }: AddFlags,
): { file: string | undefined; headers: Headers } {
  const named = header.filter((word) => word.startsWith('@')).map((word) => word.slice(1));
  const [file, ...more] = [...(headerFile === undefined ? [] : [headerFile]), ...named];
  if (more.length > 0) {
    throw new OllamaError('usage', 'A host has one file of headers, and several are given.', {
      hint: 'Put all of its headers into one file.',
    });
  }
  const typed = header.filter((word) => !word.startsWith('@')).map(parseTyped);
  return {
    file: file === undefined ? undefined : placeFile(file, io.cwd, io),
    headers: Object.assign({}, ...typed) as Headers,
  };
}

async function checkCertificates(file: string | undefined, io: Io): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const whole = placeFile(file, io.cwd, io);
  await readCertificates(whole, '--ca-file');
  return whole;
}

/** The secret that is to be kept, as headers; undefined where the settings only say where it is. */
async function readSecret(
  context: Context,
  name: string,
  { authorization }: HostAddress,
  { token, tokenEnv, user, passwordEnv }: AddFlags,
  hasFile: boolean,
): Promise<Headers | undefined> {
  const ways = [
    authorization === undefined ? '' : 'a password in the URL',
    token === true ? '--token' : '',
    tokenEnv === undefined ? '' : '--token-env',
    user === undefined ? '' : '--user',
  ].filter((way) => way !== '');
  if (ways.length > 1) throw new OllamaError('usage', `Of ${ways.join(' and ')}, a host takes one.`);
  if (passwordEnv !== undefined && user === undefined) {
    throw new OllamaError('usage', '--password-env needs --user, whose password it is.');
  }
  if (tokenEnv !== undefined) return checkVariable(context, '--token-env', tokenEnv);
  if (ways.length === 0) return undefined;
  if (hasFile) {
    throw new OllamaError('usage', `Beside a file of headers, ${ways.join('')} has no place.`, {
      hint: 'Put an authorization line into that file.',
    });
  }
  if (token === true) {
    const typed = await askSecret(
      context,
      `Token for ${name}`,
      'Give --token-env VARIABLE or --header-file FILE.',
    );
    return bearer(typed, 'What was typed');
  }
  if (user !== undefined) return await readPassword(context, name, user, passwordEnv);
  warn(
    context,
    'a password in an address stays in the history of the shell, and other programs see it; next time: --user NAME',
  );
  return { authorization: authorization ?? '' };
}

function checkVariable({ io }: Context, flag: string, variable: string): undefined {
  if (variableName.fromText(variable) === undefined) {
    // Not the word itself: it may be the token.
    throw new OllamaError('usage', `${flag} takes ${variableName.expects}, not a token or a password.`);
  }
  if ((io.env[variable] ?? '') === '') {
    io.stderr.write(`warning: ${variable} is not set here and now\n`);
  }
}

async function readPassword(
  context: Context,
  name: string,
  user: string,
  variable: string | undefined,
): Promise<Headers> {
  if (user.includes(':')) throw new OllamaError('usage', 'The name of a user has no colon.');
  if (variable !== undefined) checkVariable(context, '--password-env', variable);
  const password =
    variable === undefined
      ? await askSecret(
          context,
          `Password of ${cleanLine(user)} for ${name}`,
          'Give --password-env VARIABLE.',
        )
      : context.io.env[variable];
  if (password === undefined || password === '') {
    throw new OllamaError('config', `--password-env: the variable ${variable ?? ''} is not set.`);
  }
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}` };
}

function warn({ io }: Context, text: string): void {
  io.stderr.write(`warning: ${cleanLine(text)}\n`);
}

async function tell(
  context: Context,
  row: HostRow,
  { kept, ...more }: { replaced: boolean; file: string; kept?: string },
): Promise<void> {
  const document = { ...row, ...more, ...(kept === undefined ? {} : { credentials_file: kept }) };
  await tellChange(context, document, FIELDS, [
    `${more.replaced ? 'replaced' : 'added'} ${row.name}: ${row.url}${row.auth === 'none' ? '' : `, with ${AUTH[row.auth]}`}`,
    ...(kept === undefined ? [] : [`kept in ${kept}, which only you can read`]),
    ...(row.default ? [`${row.name} is the default host`] : []),
  ]);
}

const AUTH = {
  bearer: 'a bearer token',
  basic: 'a user and a password',
  headers: 'headers',
  none: 'nothing',
};
