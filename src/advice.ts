import { adviseMemory } from './advise-memory.js';
import type { OllamaError } from './core/errors.js';
import { FEATURES, refusedFeature } from './core/features.js';
import { isOutOfMemory } from './core/http-errors.js';
import { DEFAULT_REGISTRY, isHuggingFace, parseModelName } from './core/model-name.js';
import { cleanLine } from './format/clean.js';
import { findNearest, suggestLowerCase } from './format/nearest.js';
import { shellWord, type Advice, type Circumstances, type NextStep } from './next-step.js';

function adviseNotFound(error: OllamaError, { installed = [], where }: Circumstances): Advice {
  if (error.model === undefined) return { steps: [] };
  const model = cleanLine(error.model);
  const lower = isHuggingFace(model) ? undefined : suggestLowerCase(model);
  // A command that the error brings is what to do: who removes a model has no use for a pull of it.
  const isWanted = error.hint?.startsWith('ollama-cli ') !== true;
  const inRegistry = /file does not exist|manifest/i.test(error.message);
  const near = findNearest(model, installed, 3).filter((name) => name !== model);
  const meant = inRegistry
    ? lower === undefined
      ? []
      : [lower]
    : near.length > 0
      ? near
      : lower === undefined
        ? []
        : [lower];
  const steps: NextStep[] = [];
  if (meant.length > 0) steps.push({ label: 'did you mean', command: meant.map(cleanLine).join(', ') });
  if (inRegistry) {
    if (lower !== undefined) steps.push({ label: 'get it', command: `ollama-cli pull ${shellWord(lower)}` });
    steps.push(lookUp(model));
  } else if (isWanted) {
    steps.push({ label: 'get it', command: `ollama-cli pull ${shellWord(lower ?? model)}` });
  }
  return {
    message: inRegistry
      ? `There is no model "${model}" in the registry.`
      : `"${model}" is not installed on ${where}.`,
    steps,
  };
}

/** Where to see what there is: a registry of one's own is not on Ollama's page. */
function lookUp(model: string): NextStep {
  const note = 'which names and tags there are';
  const label = 'look it up';
  if (isHuggingFace(model)) return { label, command: repositoryPage(model), note };
  const host = parseModelName(model)?.host ?? DEFAULT_REGISTRY;
  if (host === DEFAULT_REGISTRY) return { label, command: 'https://ollama.com/library', note };
  return { label, command: `ollama-cli tags ${shellWord(model.replace(/:[^:/]*$/, ''))}`, note };
}

function adviseUnreachable(error: OllamaError, { hosts = [] }: Circumstances): Advice {
  if (/no such name|could not be looked up/.test(error.message)) {
    const near = hosts.map(cleanLine).join(', ');
    return {
      steps: [
        ...(near === '' ? [] : [{ label: 'did you mean', command: near, note: 'ollama-cli hosts list' }]),
        { label: 'check the name', command: 'ollama-cli -H HOST:PORT list' },
        { label: 'where it is from', command: 'ollama-cli config list --show-origin' },
      ],
    };
  }
  return {
    steps: [
      { label: 'start it', command: 'ollama serve', note: 'get it: https://ollama.com/download' },
      { label: 'another address', command: 'ollama-cli -H HOST:PORT list' },
      { label: 'just looking', command: 'ollama-cli sandbox' },
    ],
  };
}

/** What goes wrong inside the server, where the download runs, and has to be set right there. */
const SERVER_REMEDIES: readonly (readonly [wording: RegExp, step: Omit<NextStep, 'label'>])[] = [
  [
    /x509|certificate/i,
    {
      command: 'install the certificate authority there',
      note: 'the download runs inside the server, which does not trust who answers it',
    },
  ],
  [
    /tls:|proxy|dial tcp|no such host|lookup|timeout|connection (?:refused|reset)|network is unreachable/i,
    { command: 'set HTTPS_PROXY there', note: 'the download runs inside the server' },
  ],
];

function advisePull(error: OllamaError): Advice {
  const again = `ollama-cli pull ${shellWord(error.model ?? 'MODEL')}`;
  if (/gave HTTP response to HTTPS client/i.test(error.message)) {
    const note = 'the registry speaks no TLS; only for one that you trust';
    return { steps: [{ label: 'without TLS', command: `${again} --insecure`, note }] };
  }
  if (/\b429\b|too many requests/i.test(error.message)) {
    return { steps: [{ label: 'wait, then', command: again, note: 'the registry is asked too often' }] };
  }
  const remedy = SERVER_REMEDIES.find(([wording]) => wording.test(error.message))?.[1];
  return {
    steps: [
      ...(remedy ? [{ label: 'on the server', ...remedy }] : []),
      { label: 'go on', command: again, note: 'what has come stays on the server' },
    ],
  };
}

/** The page of a repository on Hugging Face, from a model's name. */
function repositoryPage(model: string): string {
  const path = model.replace(/^[a-z]+:\/\//i, '').replace(/^[^/]*\//, '');
  return `https://huggingface.co/${path.replace(/:[^:]*$/, '')}`;
}

function adviseUnauthorized(error: OllamaError, { where, host }: Circumstances): Advice {
  const model = error.model === undefined ? undefined : cleanLine(error.model);
  // An error line in the stream of a pull has no status: it is the registry that refuses the server.
  if (model !== undefined && error.status === undefined) {
    const key = '~/.ollama/id_ed25519.pub of the server';
    return isHuggingFace(model)
      ? {
          message: `${model} is private or gated on Hugging Face: it does not let ${where} read it.`,
          steps: [
            { label: 'accept its terms', command: repositoryPage(model), note: 'where it has any' },
            { label: 'let the server in', command: `add ${key} at https://huggingface.co/settings/keys` },
          ],
        }
      : {
          steps: [{ label: 'on the server', command: 'ollama signin', note: 'the registry asks who it is' }],
        };
  }
  const named = host === undefined ? 'NAME URL' : `${shellWord(host.name)} ${shellWord(host.url)}`;
  const force = host === undefined ? '' : ' --force';
  return {
    steps: [
      { label: 'with a password', command: `ollama-cli hosts add ${named} --user USER${force}` },
      {
        label: 'with a token',
        command: `ollama-cli hosts add ${named} --token-env VARIABLE${force}`,
        ...(host === undefined ? { note: 'then ask it with -H NAME' } : {}),
      },
    ],
  };
}

/** What to say and to do about an error, beside its own words. */
export function advise(error: OllamaError, facts: Circumstances): Advice {
  // Each of those that it sums up is told with its own.
  if (error.errors !== undefined) return { steps: [] };
  // Neither Ollama's address nor its models: what helps with another provider is in its hint.
  if (error.provider !== undefined) return { steps: [] };
  switch (error.code) {
    case 'model_not_found':
      return adviseNotFound(error, facts);
    case 'unreachable':
      // What was tried to start one says itself what is missing.
      if (error.hint !== undefined) return { steps: [] };
      return adviseUnreachable(error, facts);
    case 'timeout':
      return error.message.startsWith('No Ollama server')
        ? adviseUnreachable(error, facts)
        : {
            steps:
              error.hint === undefined
                ? [{ label: 'give it longer', command: 'the same command with --timeout 5m' }]
                : [],
          };
    case 'registry_unreachable':
    case 'stream_cut':
    case 'stalled':
      // A chat that broke off brings its own hint; of all else, only a pull has a model that goes on coming.
      if (error.hint !== undefined) return { steps: [] };
      return error.model === undefined
        ? { steps: [{ label: 'ask again', command: 'the same command' }] }
        : advisePull(error);
    case 'digest_mismatch':
      // A check of what is there brings its own hint; of a pull, only the server's words are known.
      if (error.hint !== undefined) return { steps: [] };
      return {
        steps: [
          {
            label: 'fetch it again',
            command: `ollama-cli pull ${shellWord(error.model ?? 'MODEL')}`,
            note: 'twice the same: a proxy or a virus scanner on the way changes what is loaded',
          },
        ],
      };
    case 'unauthorized':
      return adviseUnauthorized(error, facts);
    case 'context_overflow':
      return {
        message: `The conversation does not fit the context window of ${error.model ?? 'the model'}: ${error.message}.`,
        steps: [
          {
            label: 'a larger window',
            command: 'the same command with a larger --num-ctx N',
            note: 'or with a shorter text',
          },
          {
            label: 'cut it',
            command: 'the same command with --truncate',
            note: 'the server leaves out the oldest messages',
          },
        ],
      };
    case 'no_space':
      return {
        steps: [
          {
            label: 'make room',
            command: 'ollama-cli rm MODEL',
            note: 'on the machine where the server runs',
          },
        ],
      };
    case 'server_error':
      return adviseServerError(error, facts);
    case 'protocol':
      return {
        steps:
          error.hint === undefined
            ? [{ label: 'look closer', command: 'the same command with --debug' }]
            : [],
      };
    case 'not_allowed':
      // Too little memory is refused by a check, and no setting of this program allows it.
      return {
        steps: /allowed models/.test(error.message)
          ? [{ label: 'see the setting', command: 'ollama-cli config list --show-origin' }]
          : [],
      };
    case 'internal':
      return { steps: [{ label: 'look closer', command: 'the same command with --debug' }] };
    case 'usage':
    case 'config':
    case 'invalid_name':
    case 'session_not_found':
    case 'host_not_found':
    case 'tls':
    case 'declined':
    case 'partial':
      return { steps: [] };
    case 'interrupted':
      return {
        steps: error.hint === undefined ? [{ label: 'run it again', command: 'the same command' }] : [],
      };
  }
}

function adviseServerError(error: OllamaError, facts: Circumstances): Advice {
  const { model, message } = error;
  if (isOutOfMemory(error)) return adviseMemory(error, facts);
  const lacking = refusedFeature(error);
  if (lacking !== undefined) {
    const { what, since } = FEATURES[lacking];
    const note = `${what}: Ollama ${since} and later`;
    return { steps: [{ label: 'update it', command: 'https://ollama.com/download', note }] };
  }
  if (
    /unexpected EOF|runner process (?:has terminated|no longer running)|runner has unexpectedly stopped/i.test(
      message,
    )
  ) {
    const again = {
      label: 'ask again',
      command: 'the same command',
      note: 'the server loads the model anew',
    };
    return { steps: [again, { label: 'look at it', command: 'ollama-cli health' }] };
  }
  if (model !== undefined && /does not support/.test(message) && !/sharded/i.test(message)) {
    return { steps: [{ label: 'what it can do', command: `ollama-cli show ${shellWord(model)}` }] };
  }
  if (model !== undefined && /sharded gguf/i.test(message)) {
    return {
      message: `${cleanLine(model)} is split into several files (sharded GGUF), which Ollama can't pull.`,
      steps: [
        {
          label: 'another one',
          command: isHuggingFace(model) ? repositoryPage(cleanLine(model)) : 'a quantization in one file',
          note: 'a smaller quantization is often one file',
        },
        { label: 'or join it', command: 'llama-gguf-split --merge, then ollama-cli create' },
      ],
    };
  }
  if (error.status === 412 || /\b412\b|newer version of ollama/i.test(message)) {
    return {
      steps: [
        { label: 'its version', command: 'ollama-cli health', note: 'an old server may still be running' },
        { label: 'update it', command: 'https://ollama.com/download', note: 'and start it anew' },
      ],
    };
  }
  if (error.status === 429 || /\b429\b|too many requests/i.test(message)) {
    const note = 'it is asked too often';
    return { steps: [{ label: 'wait', command: 'the same command in a few minutes', note }] };
  }
  if (/server busy|maximum pending requests/i.test(message)) {
    const note = 'as many requests as it takes are waiting (OLLAMA_MAX_QUEUE)';
    return { steps: [{ label: 'wait', command: 'the same command in a moment', note }] };
  }
  // What a Modelfile asks for: the server is well.
  if (/quantization|template error/i.test(message)) return { steps: [] };
  return { steps: [{ label: 'look at it', command: 'ollama-cli health' }] };
}
