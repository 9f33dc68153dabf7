import { Static, Text, useCursor } from 'ink';
import { memo, useMemo } from 'react';
import type { Frame } from './frame.js';

/** What was drawn before is only counted: Ink keeps it, and this part of the array stays empty. */
export interface Scrollback {
  readonly drawn: number;
  /** Each one or more lines. */
  readonly fresh: readonly string[];
}

// Memoized, since a Static that is rendered again forces a frame past the limit.
const Finished = memo(function Finished({ drawn, fresh }: Scrollback) {
  const items = useMemo(() => {
    const all: string[] = [];
    all.length = drawn;
    return all.concat(fresh);
  }, [drawn, fresh]);
  return <Static items={items}>{(lines, index) => <Text key={index}>{lines}</Text>}</Static>;
});

interface LiveProps {
  readonly frame: Frame;
}

function Live({ frame }: LiveProps) {
  const { setCursorPosition } = useCursor();
  setCursorPosition(frame.cursor);
  return <Text>{frame.lines.join('\n')}</Text>;
}

/** The chat on the screen: what is finished, written once, and below it the live part, if there is one. */
export function Screen({ drawn, fresh, frame }: Scrollback & { readonly frame: Frame | undefined }) {
  return (
    <>
      <Finished drawn={drawn} fresh={fresh} />
      {frame !== undefined && <Live frame={frame} />}
    </>
  );
}
