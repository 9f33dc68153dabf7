import { createHash } from 'node:crypto';

/** What an answer depends on; the same question always has the same answer. */
export interface Question {
  readonly model: string;
  readonly prompt: string;
  readonly system: string;
  readonly seed: number;
}

/** A number from 0 up to 2^32 that follows from the text. */
export function hashNumber(text: string): number {
  return createHash('sha256').update(text).digest().readUInt32LE(0);
}

const OPENINGS = [
  'This is an answer of the sandbox, not of a model.',
  'You are talking to a sandbox: no model runs here, these words are made up.',
  'A sandbox answers here, with prepared sentences and without a model.',
];
const SENTENCES = [
  'The bytes that were pulled for it are made of a seed, and so is this text.',
  'Ask again with the same seed and you will read the same words.',
  'Everything else is as on a real server: the stream, the counts and the times.',
  'Try a longer question, a table, some code, or a tool to see other kinds of answers.',
  'With a real Ollama at the other end you would read what the model thinks.',
  'Nothing of what you wrote has left this machine.',
  'The speed of this text is set with an option, not by a graphics card.',
  'You can stop it at any time; what was written so far is kept.',
];
const MARKDOWN = `## A sandbox's answer

Some **bold** words, some *italic* ones and \`inline code\`.

1. Pull a model.
2. Ask it something.
   - or let it be

| step | what happens | size |
|------|--------------|-----:|
| pull | layers arrive | 13 MB |
| chat | text streams | 1 kB |

\`\`\`python
def greet(name: str) -> str:
    return f"Hello, {name}!"
\`\`\`

> No model was asked for this.
`;

/** The sandbox's answer to a question; it says that it is one. */
export function answerText(question: Question): string {
  const { prompt, system } = question;
  const start = hashNumber(`${question.model}\n${prompt}\n${system}\n${String(question.seed)}`);
  const opening = pick(OPENINGS, start);
  if (/markdown|\btable\b|\bcode\b|\bfunction\b|bullet|\blist\b/i.test(prompt))
    return `${opening}\n\n${MARKDOWN}`;
  const count = /\bcount(?:\s+\w+)*\s+to\s+(\d{1,4})\b/i.exec(prompt)?.[1];
  if (count !== undefined) return `${opening} ${numbers(Number(count))}`;
  const words = prompt.trim() === '' ? 0 : prompt.trim().split(/\s+/).length;
  const about = `${question.model} was to answer a message of ${String(words)} ${words === 1 ? 'word' : 'words'}: “${clip(prompt)}”.`;
  const told = system === '' ? [] : [`It was told beforehand: “${clip(system)}”.`];
  const length = /\blong\b|\bstory\b|\bessay\b|\bdetail/i.test(prompt) ? 24 : 2 + (start % 3);
  const more = Array.from({ length }, (_, index) => pick(SENTENCES, start + index));
  const paragraphs: string[] = [];
  for (let at = 0; at < more.length; at += 4) paragraphs.push(more.slice(at, at + 4).join(' '));
  return [[opening, about, ...told].join(' '), ...paragraphs].join('\n\n');
}

/** What a thinking model of the sandbox thinks before it answers; `effort` is how much. */
export function thinkingText(question: Question, effort: number): string {
  const start = hashNumber(`${question.prompt} ${String(question.seed)}`);
  const steps = [
    `The message says “${clip(question.prompt, 30)}”.`,
    'No model runs in the sandbox, so there is nothing to work out.',
    'Still, a thinking model would weigh the words first.',
    'A short and honest answer will do.',
    'I will say that this is a sandbox.',
  ];
  return Array.from({ length: Math.max(1, effort) }, (_, index) =>
    index === 0 ? (steps[0] ?? '') : pick(steps.slice(1), start + index),
  ).join(' ');
}

function pick(list: readonly string[], index: number): string {
  return list[index % list.length] ?? '';
}

function numbers(last: number): string {
  return Array.from({ length: last }, (_, index) => String(index + 1)).join(' ');
}

function clip(text: string, most = 60): string {
  const line = text.replace(/\s+/g, ' ').trim();
  const characters = Array.from(line);
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : line;
}

/** Cuts a text into the pieces that the sandbox calls tokens; joined they are the text again. */
export function tokenize(text: string): string[] {
  return text.match(/\s?[\p{L}\p{M}]{1,6}|\s?\p{N}{1,3}|\s|[^\s]/gsu) ?? [];
}

/** The integer that stands for a token. */
export function tokenId(token: string): number {
  return hashNumber(token) % 262_144;
}
