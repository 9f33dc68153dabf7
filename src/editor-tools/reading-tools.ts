import type { Context } from '../context.js';
import { chosenModel } from './chosen-model.js';
import {
  checkStatus,
  getDefaultModel,
  getSupportedCapabilities,
  listAvailableModels,
  validateModelName,
} from './functions.js';
import { objectSchema, textOf, type Tool } from './tool.js';

const TEXT = { type: 'string' } as const;
const FLAG = { type: 'boolean' } as const;
const COUNT = { type: 'integer', minimum: 0 } as const;
const TEXTS = { type: 'array', items: TEXT } as const;
const FORCE = objectSchema({ force: { ...FLAG, description: 'Ask anew instead of telling what was kept.' } });
const CAPABILITIES = ['chat', 'streaming', 'tools', 'vision', 'thinking', 'embeddings'] as const;

/** The tools that only look. */
export function readingTools({ client, settings }: Context): readonly Tool[] {
  return [
    {
      name: 'check_status',
      title: 'Server status',
      description: 'Whether the Ollama server answers, its version, and how many models it has.',
      readOnly: true,
      input: FORCE,
      output: objectSchema({ reachable: FLAG, models_count: COUNT, version: TEXT, error: TEXT }, [
        'reachable',
        'models_count',
      ]),
      run: async (given, { signal }) => ({
        fields: { ...(await checkStatus(client, { signal, force: given['force'] === true })) },
      }),
    },
    {
      name: 'list_available_models',
      title: 'Installed models',
      description:
        'The models that are installed on the Ollama server, newest first, with their sizes in bytes.',
      readOnly: true,
      input: FORCE,
      output: objectSchema(
        {
          models: {
            type: 'array',
            items: { type: 'object', properties: { name: TEXT, size: COUNT }, required: ['name', 'size'] },
          },
        },
        ['models'],
      ),
      run: async (given, { signal }) => {
        const models = await listAvailableModels(client, { signal, force: given['force'] === true });
        return { fields: { models }, text: JSON.stringify(models) };
      },
    },
    {
      name: 'validate_model_name',
      title: 'Is this a model',
      description:
        'Whether a model name is well formed and installed; otherwise what is wrong, and the nearest installed names.',
      readOnly: true,
      input: objectSchema({ name: { ...TEXT, description: 'The name, such as llama3.2:1b.' } }, ['name']),
      output: objectSchema({ is_valid: FLAG, message: TEXT, suggestions: TEXTS }, ['is_valid', 'message']),
      run: async (given, { signal }) => ({
        fields: { ...(await validateModelName(client, textOf(given, 'name') ?? '', { signal })) },
      }),
    },
    {
      name: 'get_default_model',
      title: 'Default model',
      description:
        'The model that is asked where none is named: the configured one, else the newest installed.',
      readOnly: true,
      input: objectSchema({}),
      output: objectSchema(
        {
          model: { type: ['string', 'null'] },
          source: { type: 'string', enum: ['configured', 'newest', 'none'] },
          installed: FLAG,
        },
        ['model', 'source', 'installed'],
      ),
      run: async (_given, { signal }) => ({
        fields: { ...(await getDefaultModel(client, chosenModel(settings), { signal })) },
      }),
    },
    {
      name: 'get_supported_capabilities',
      title: 'What a model can do',
      description: 'What can be done with a model, or with the default one: each a yes or a no.',
      readOnly: true,
      input: objectSchema({ model: { ...TEXT, description: 'A model; the default one without it.' } }),
      output: objectSchema(Object.fromEntries(CAPABILITIES.map((name) => [name, FLAG])), CAPABILITIES),
      run: async (given, { signal }) => ({
        fields: { ...(await getSupportedCapabilities(client, await chooseModel(given), { signal })) },
      }),
    },
  ];

  async function chooseModel(given: Readonly<Record<string, unknown>>): Promise<string | undefined> {
    return (
      textOf(given, 'model') ?? (await getDefaultModel(client, chosenModel(settings))).model ?? undefined
    );
  }
}
