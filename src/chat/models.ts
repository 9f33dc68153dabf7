import { checkAllowed } from '../consent.js';
import { isOllamaError, type OllamaError } from '../core/errors.js';
import { checkModelName, sameModel } from '../core/model-name.js';
import type { ShowResponse } from '../core/wire.js';
import { cleanLine } from '../format/clean.js';
import { findNearest } from '../format/nearest.js';
import { asksHost, firstModel } from './answering.js';
import type { Question } from './stage.js';
import { changeSettings, tell, warn, windowOf, type Talk } from './talk.js';
import { tellFailure } from './turn-failure.js';
import { describeChat } from './wording.js';

/** Shows the first line of the chat, or of what follows with another model. */
export function showHeader(talk: Talk): void {
  const { conversation, context, stage, answering } = talk;
  const isOther = answering !== undefined && !asksHost(answering);
  const where = isOther ? answering.first.name : context.client.host.display;
  const model = isOther ? firstModel(answering, conversation.model) : conversation.model;
  stage.show({ kind: 'header', parts: describeChat(model, where, windowOf(talk)) });
}

/** Shows the installed models, or why there are none to show. */
export async function listModels(talk: Talk, signal: AbortSignal): Promise<void> {
  const { answering, context } = talk;
  const names =
    answering === undefined || asksHost(answering)
      ? await context.client.fetchModels({ signal, force: true })
      : await answering.models(signal);
  if (names.length === 0) tell(talk, 'No model is installed there.');
  else {
    const { model } = talk.conversation;
    const current = names.find((name) => sameModel(name, model)) ?? model;
    talk.stage.show({ kind: 'models', names: names.map(cleanLine), current: cleanLine(current) });
  }
}

/** Goes on with another model, where it may be used and is there, or is pulled; the conversation stays. */
export async function switchModel(talk: Talk, wanted: string, signal: AbortSignal): Promise<void> {
  const { client } = talk.context;
  const stays = `Still talking to ${cleanLine(talk.conversation.model)}.`;
  try {
    const isOther = !asksHost(talk.answering);
    if (!isOther) checkModelName(wanted);
    checkAllowed(talk.context, wanted);
    if (isOther) {
      // Whether it has such a model is found out by asking it.
      changeSettings(talk, { model: wanted });
      return showHeader(talk);
    }
    const found = await showOrPull(talk, wanted, signal);
    if (found === undefined) return tell(talk, stays);
    const { name, shown } = found;
    const { capabilities } = shown;
    if (capabilities && !capabilities.includes('completion') && capabilities.includes('embedding')) {
      return warn(talk, `${name} makes embeddings and holds no conversation. ${stays}`);
    }
    client.clearCache();
    changeSettings(talk, { model: name });
    showHeader(talk);
    tellLacks(talk, name, shown);
    talk.warmUp();
  } catch (error) {
    if (!isOllamaError(error)) throw error;
    if (error.code === 'interrupted') return tell(talk, stays);
    tellFailure(talk, error, stays);
  }
}

async function showOrPull(
  talk: Talk,
  wanted: string,
  signal: AbortSignal,
): Promise<{ readonly name: string; readonly shown: ShowResponse } | undefined> {
  const { client } = talk.context;
  try {
    return { name: wanted, shown: await client.show(wanted, { signal }) };
  } catch (error) {
    if (!isOllamaError(error) || error.code !== 'model_not_found') throw error;
    const name = await offerPull(talk, wanted, error, signal);
    return name === undefined ? undefined : { name, shown: await client.show(name, { signal }) };
  }
}

/** What of this conversation the model can't take, told before it is asked. */
function tellLacks(talk: Talk, name: string, { capabilities }: ShowResponse): void {
  if (!capabilities) return;
  const { messages, think } = talk.conversation;
  const lacks = [
    messages.some((message) => (message.images ?? []).length > 0) && !capabilities.includes('vision')
      ? 'see the images of this conversation'
      : '',
    talk.toolbox !== undefined && !capabilities.includes('tools') ? 'call functions' : '',
    think !== undefined && think !== false && !capabilities.includes('thinking') ? 'think' : '',
  ].filter((lack) => lack !== '');
  if (lacks.length > 0) tell(talk, `${name} can't ${lacks.join(', nor ')}.`);
}

/**
 * Offers to go on with an installed model of a similar name, or to pull one that is absent, as the setting `auto_pull` says.
 * Resolves to the name of the model that is there now, undefined where none is to be gone on with.
 */
export async function offerPull(
  talk: Talk,
  name: string,
  missing: OllamaError,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { settings, client } = talk.context;
  const installed = await client.fetchModels({ signal }).catch(() => []);
  const near = findNearest(name, installed, 3);
  if (settings.auto_pull === 'never') {
    const why = `auto_pull is "never", so it is not pulled: ollama-cli pull ${cleanLine(name)}`;
    tellFailure(talk, missing, [...guessFrom(near), why].join(' '));
    return undefined;
  }
  if (settings.auto_pull === 'ask') {
    const chosen = await talk.stage.choose(askAbout(name, near, client.host.display), signal);
    const other = near.find((_, index) => chosen === `near-${index}`);
    if (other !== undefined) checkAllowed(talk.context, other);
    if (chosen !== 'pull') return other;
  }
  const isThere = await talk.pull(name);
  client.clearCache();
  return isThere ? name : undefined;
}

function guessFrom(near: readonly string[]): string[] {
  return near.length === 0 ? [] : [`Did you mean ${near.map(cleanLine).join(' or ')}?`];
}

/** Enter alone pulls nothing where another model may have been meant. */
function askAbout(name: string, near: readonly string[], where: string): Question {
  return {
    title: `${cleanLine(name)} is not installed on ${where}.`,
    details: guessFrom(near),
    choices: [
      ...near.map((other, index) => ({
        key: `near-${index}`,
        label: `go on with ${cleanLine(other)}`,
        // The others by their place.
        letter: index === 0 ? 'g' : String(index + 1),
      })),
      { key: 'pull', label: 'pull it', letter: 'p' },
      { key: 'no', label: 'no', letter: 'n' },
    ],
  };
}
