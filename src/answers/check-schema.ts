import { Ajv } from 'ajv';
import { OllamaError } from '../core/errors.js';
import { cleanLine } from '../format/clean.js';

/** At most so many of an answer's mistakes are told: the others are often their consequences. */
const MOST_TOLD = 3;

/** Whether an answer is what was asked for; throws `protocol` with the places where it is not. */
export type CheckAnswer = (answer: string) => void;

function parseAnswer(answer: string): unknown {
  try {
    return JSON.parse(answer) as unknown;
  } catch (cause) {
    throw new OllamaError('protocol', 'The answer is not the JSON that --format asked for.', {
      hint: 'Ask again; a larger num_predict, where it stopped at its limit.',
      cause,
    });
  }
}

/**
 * The check of an answer for `"json"` or a JSON schema. `format` in a schema is not looked at: models follow only the shape.
 * Throws `usage` for a schema that is none, naming its place.
 */
export function compileCheck(format: unknown): CheckAnswer {
  if (format === 'json') return (answer) => void parseAnswer(answer);
  const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false, logger: false });
  let validate: ReturnType<Ajv['compile']>;
  try {
    validate = ajv.compile(withoutDialect(format));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OllamaError('usage', `--format: this is no JSON schema: ${cleanLine(why)}.`, { cause });
  }
  return (answer) => {
    if (validate(parseAnswer(answer)) === true) return;
    const errors = validate.errors ?? [];
    const told = errors
      .slice(0, MOST_TOLD)
      .map(
        ({ instancePath, message }) => `${instancePath === '' ? 'the whole' : instancePath} ${message ?? ''}`,
      );
    const more = errors.length > MOST_TOLD ? `; and ${errors.length - MOST_TOLD} more` : '';
    throw new OllamaError(
      'protocol',
      `The answer does not follow the schema: ${cleanLine(told.join('; '))}${more}.`,
      { hint: 'Ask again; a larger model follows a schema more reliably.' },
    );
  };
}

/** The schema without `$schema` and `$id`: any dialect is read as the words it shares with draft 7, and none is fetched. */
function withoutDialect(format: unknown): boolean | object {
  if (typeof format === 'boolean') return format;
  if (typeof format !== 'object' || format === null || Array.isArray(format))
    throw new Error('it is neither an object nor true or false');
  return Object.fromEntries(Object.entries(format).filter(([key]) => key !== '$schema' && key !== '$id'));
}
