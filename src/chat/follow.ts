import { sendMessage } from './ask.js';
import { compactTalk } from './compact-talk.js';
import { attach, copyAnswer, detach, exportTalk, listAttached } from './file-commands.js';
import type { Intent } from './intent.js';
import { listModels, switchModel } from './models.js';
import { listKept, loadTalk, saveTalk } from './session-commands.js';
import { applySetting, type SettingIntent } from './settings.js';
import { showHelp, showPart, showStats } from './show-commands.js';
import { changeSettings, tell, type Talk } from './talk.js';
import { clear, editQuestion, goOn, retry, undo } from './turn-commands.js';
import { cleanText } from '../format/clean.js';

function set(talk: Talk, intent: SettingIntent): void {
  const { change, told } = applySetting(talk.conversation, intent);
  changeSettings(talk, change);
  // What a model refused may have been meant for another setting.
  if (intent.type === 'set-think') talk.refused.delete(`${talk.conversation.model} thinking`);
  tell(talk, told);
}

/** Does what a line asks for; `written` is the line itself. Throws `OllamaError`, which is then all that happened. */
export async function followIntent(
  talk: Talk,
  intent: Intent,
  written: string,
  signal: AbortSignal,
): Promise<void> {
  switch (intent.type) {
    case 'message':
      return await sendMessage(talk, intent.text, written, signal);
    case 'retry':
      return await retry(talk, signal);
    case 'continue':
      return await goOn(talk, signal);
    case 'edit':
      return await editQuestion(talk, signal);
    case 'undo':
      return undo(talk, intent.turns);
    case 'clear':
      return clear(talk);
    case 'compact':
      return void (await compactTalk(talk, signal));
    case 'show-system':
    case 'set-system':
    case 'set-parameter':
    case 'show-think':
    case 'set-think':
    case 'set-format':
      return set(talk, intent);
    case 'set-numbers':
      talk.showsNumbers = intent.areShown;
      return tell(
        talk,
        intent.areShown ? 'Numbers stand under each answer.' : 'No numbers under an answer; /stats has them.',
      );
    case 'show':
      return await showPart(talk, intent.part, signal);
    case 'list-models':
      return await listModels(talk, signal);
    case 'switch-model':
      return await switchModel(talk, intent.name, signal);
    case 'attach':
      return await attach(talk, intent.kind, intent.path, signal);
    case 'list-attached':
      return listAttached(talk);
    case 'detach':
      return detach(talk);
    case 'copy':
      return await copyAnswer(talk, intent.block);
    case 'save':
      return await saveTalk(talk, intent.title);
    case 'load':
      return await loadTalk(talk, intent.name, signal);
    case 'export':
      return await exportTalk(talk, intent.file, signal);
    case 'list-sessions':
      return await listKept(talk);
    case 'stats':
      return showStats(talk);
    case 'help':
      return showHelp(talk, intent.about);
    case 'leave':
      return talk.stage.leave();
    case 'tell':
      return tell(talk, intent.text);
    case 'reject':
      // Not given back: what is typed next would be written behind it, and be another text. Up brings it back.
      return talk.stage.show({ kind: 'failure', message: cleanText(intent.message), hint: undefined });
  }
}
