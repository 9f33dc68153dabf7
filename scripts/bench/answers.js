// The answers that a chat is measured with, in tokens of about four characters: the same ones at each run.

const WORDS = (
  'light air blue short waves scatter more than long ones so the sky looks that way from below while at dusk ' +
  'they travel further through dust and water and most of what is left over by then is red or yellow'
).split(' ');

/** Counts through the words in steps that don't repeat soon. */
function openWords() {
  let at = 0;
  return (count) => {
    const words = [];
    for (let n = 0; n < count; n += 1) words.push(WORDS[(at = (at * 5 + n + 7) % 9_973) % WORDS.length]);
    return words.join(' ');
  };
}

const paragraph = (say) =>
  `${say(9)}, **${say(3)}** ${say(14)} \`${say(1)}()\` ${say(8)}. *${say(4)}* ${say(22)}; see [${say(2)}](https://example.com/sky) ${say(11)}.\n\n`;

const codeLines = (say, n) =>
  [
    `/** ${say(7)}. */`,
    `export function ${say(1)}${n}(input, { limit = ${n % 90}, name = '${say(2)}' } = {}) {`,
    `  const found = input.filter(({ ${say(1)} }) => value > ${n}.5); // ${say(4)}`,
    `  if (found.length === 0) throw new Error(\`${say(5)} \${name}\`);`,
    `  return found.map((each) => each.${say(1)} * limit);`,
    '}',
    '',
  ].join('\n');

const item = (say, n) => `- **${say(2)}** ${n}: ${say(9)} \`${say(1)}\`, ${say(6)}\n`;

function section(say, n) {
  const items = Array.from({ length: 4 }, (_, at) => item(say, at) + (at === 1 ? `  1. ${say(8)}\n` : ''));
  const rows = Array.from({ length: 5 }, (_, at) => `| ${say(2)} | ${at * n} | ${say(6)} |\n`);
  return [
    `## ${n}. ${say(4)}\n\n`,
    paragraph(say),
    `${say(5)}:\n\n${items.join('')}\n`,
    `\`\`\`js\n${codeLines(say, n)}\`\`\`\n\n`,
    `| ${say(1)} | number | ${say(2)} |\n|---|---:|---|\n${rows.join('')}\n`,
    `> ${say(18)}\n\n`,
    paragraph(say),
  ].join('');
}

/** By name: how an answer begins, and each next piece of it. */
const KINDS = {
  mixed: { begin: '', piece: section },
  prose: { begin: '', piece: paragraph },
  code: { begin: '```js\n', piece: codeLines },
  list: { begin: '', piece: item },
};

/** So many tokens of an answer of this kind. */
export function answerTokens(kind, count) {
  const { begin, piece } = KINDS[kind];
  const say = openWords();
  const tokens = [];
  for (let n = 0; tokens.length < count; n += 1) {
    const text = n === 0 ? begin + piece(say, n) : piece(say, n);
    tokens.push(...text.match(/ ?\w{1,7}|\n+| +|[^\w\s]{1,3}/g));
  }
  return tokens.slice(0, count);
}
