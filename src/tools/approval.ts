import { matchGlob } from '../config/glob.js';
import { cleanLine } from '../format/clean.js';
import { listArguments } from './describe.js';
import type { Approve, Toolbox } from './toolbox.js';

/** What a person is asked before a call. All text is clean. */
export interface ApprovalQuestion {
  readonly title: string;
  readonly details: readonly string[];
  readonly choices: readonly { readonly key: string; readonly label: string; readonly letter: string }[];
}

const MOST_DESCRIPTION = 200;

const CHOICES: ApprovalQuestion['choices'] = [
  { key: 'once', label: 'once', letter: 'o' },
  { key: 'always', label: 'always for this function', letter: 'a' },
  { key: 'no', label: 'no', letter: 'n' },
];

/**
 * Decides on calls: those of functions that `allow` names, by name or glob, happen; of the others a person is asked by
 * `choose`, where there is one. "Always" holds as long as the program runs, for that function of that server.
 */
export function openApproval(
  toolbox: Pick<Toolbox, 'describe'>,
  options: {
    readonly allow?: readonly string[] | undefined;
    readonly choose?:
      ((question: ApprovalQuestion, signal: AbortSignal) => Promise<string | undefined>) | undefined;
  },
): Approve {
  const { allow = [], choose } = options;
  const always = new Set<string>();
  return async (call, signal) => {
    const { name } = call.function;
    if (always.has(name) || allow.some((glob) => matchGlob(glob, name))) return { allowed: true };
    if (choose === undefined) {
      return { allowed: false, why: 'it is not among the functions that --allow-tool names.' };
    }
    const about = toolbox.describe(name);
    const [summary = ''] = (about?.description ?? '').split('\n');
    const question = {
      title: `Call ${cleanLine(name)} of ${cleanLine(about?.server ?? 'an unknown server')}?`,
      details: [
        ...(summary === '' ? [] : [cleanLine(summary).slice(0, MOST_DESCRIPTION)]),
        ...listArguments(call),
      ],
      choices: CHOICES,
    };
    const chosen = await choose(question, signal);
    if (chosen === 'always') always.add(name);
    if (chosen === 'always' || chosen === 'once') return { allowed: true };
    // Ctrl-C at the question is Ctrl-C: an answer that goes on is not what was wanted.
    if (chosen === undefined) return { allowed: false, why: 'the person stopped the turn.', stops: true };
    return { allowed: false, why: 'the person refused this call.' };
  };
}
