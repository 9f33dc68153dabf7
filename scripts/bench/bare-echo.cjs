// The least that a key can take: a program in a terminal that writes what was typed, and Ctrl-U takes it away.
'use strict';

let typed = '';
process.stdin.setRawMode(true);
process.stdin.on('data', (keys) => {
  for (const key of String(keys)) typed = key === '\x15' ? '' : typed + key;
  process.stdout.write(`\r\x1b[K› ${typed}`);
});
process.stdout.write('› ');
