import { EXIT_MEANINGS } from './failure.js';

/** Texts of `help TOPIC` that belong to no one command. */
export const HELP_TOPICS: Readonly<Record<string, () => string>> = {
  'exit-codes': () => {
    const width = Math.max(...EXIT_MEANINGS.map(([code]) => code.length));
    return EXIT_MEANINGS.map(([code, meaning]) => `${code.padEnd(width)}  ${meaning}`).join('\n');
  },
  environment: () =>
    [
      ['OLLAMA_HOST', 'the server, as Ollama itself reads it; --host is stronger'],
      ['OLLAMA_BASE_URL', 'the server, where OLLAMA_HOST is not set'],
      ['OLLAMA_CLI_<KEY>', 'any setting of the configuration, dots as __ (OLLAMA_CLI_TIMEOUTS__CONNECT=2s)'],
      ['OLLAMA_NOHISTORY', '1 keeps no history of what is typed in a chat'],
      [
        'HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY',
        'proxies; a loopback address is never sent through one',
      ],
      ['NODE_EXTRA_CA_CERTS', 'a file of certificates to trust besides the built-in ones'],
      ['NO_COLOR, FORCE_COLOR, CLICOLOR, CLICOLOR_FORCE', 'colours off or on; --color is stronger'],
      ['XDG_CONFIG_HOME, XDG_STATE_HOME, XDG_CACHE_HOME', 'where files are kept; see ollama-cli config path'],
    ]
      .map(([name, meaning]) => `${name}\n    ${meaning}`)
      .join('\n'),
};
