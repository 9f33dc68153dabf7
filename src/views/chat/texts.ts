import type { AnswerText } from '../../markdown/answer-text.js';
import type { MarkdownLook } from '../../markdown/markdown.js';
import { openPlainText } from '../../markdown/plain-text.js';

/** What opens the texts that a chat draws. */
export interface Texts {
  /** A text in a model's markup. What `prepare` loads has to be there. */
  readonly openText: () => AnswerText;
  /** A text that is only wrapped. */
  readonly openPlain: () => AnswerText;
  /** Loads what markup is drawn with; undefined where it is there. */
  readonly prepare: () => Promise<void> | undefined;
}

/** Opens texts in rows of `width()` cells. Nothing is loaded before the first answer is asked for: a prompt is there sooner. */
export function openTexts(
  { styles, unicode, level }: Pick<MarkdownLook, 'styles' | 'unicode' | 'level'>,
  isMarkdown: boolean,
  width: () => number,
): Texts {
  const openPlain = (): AnswerText => openPlainText({ width });
  let open: (() => AnswerText) | undefined = isMarkdown ? undefined : openPlain;

  async function load(): Promise<void> {
    const [{ openMarkdown }, { loadHighlighter }] = await Promise.all([
      import('../../markdown/markdown.js'),
      import('../../markdown/load-highlighter.js'),
    ]);
    const highlight = await loadHighlighter();
    // A terminal without colours is one without links too, as far as anybody has said.
    open = () => openMarkdown({ styles, unicode, level, width, links: level > 0, highlight });
  }

  return {
    openText: () => (open ?? openPlain)(),
    openPlain,
    prepare: () => (open === undefined ? load() : undefined),
  };
}
