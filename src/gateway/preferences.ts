/** How an answer is told: as one document, as server-sent events, or as lines of JSON. */
export type AnswerForm = 'json' | 'sse' | 'ndjson';

const FORMS: Readonly<Record<string, AnswerForm>> = {
  'text/event-stream': 'sse',
  'application/x-ndjson': 'ndjson',
  'application/ndjson': 'ndjson',
  'application/jsonl': 'ndjson',
  'application/json': 'json',
};

interface Offer {
  readonly form: AnswerForm;
  readonly quality: number;
  readonly isExact: boolean;
}

function readOffer(text: string): Offer | undefined {
  const [type = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  const quality = weight === undefined ? 1 : Number(weight.slice(2));
  const form = Object.hasOwn(FORMS, type) ? FORMS[type] : undefined;
  if (!(quality > 0) || (form === undefined && !type.includes('*'))) return undefined;
  return { form: form ?? 'json', quality, isExact: form !== undefined };
}

/** The form that an `Accept` header likes best; one document where it names none of ours. */
export function readAccept(header: string | undefined): AnswerForm {
  const offers = (header ?? '').split(',').flatMap((part) => readOffer(part) ?? []);
  const best = offers.toSorted((a, b) => b.quality - a.quality || Number(b.isExact) - Number(a.isExact))[0];
  return best?.form ?? 'json';
}

/** True where a `Prefer` header asks for an answer before the work is done. Source: RFC 7240. */
export function wantsNoWait(header: string | readonly string[] | undefined): boolean {
  const text = typeof header === 'string' ? header : (header ?? []).join(',');
  return text.split(',').some((part) => /^\s*respond-async\s*(?:[;=]|$)/i.test(part));
}
