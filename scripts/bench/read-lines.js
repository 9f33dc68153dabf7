// Reads a chat of so many lines in one of four ways, and prints how long that took, in milliseconds.
import { subscribe } from 'node:diagnostics_channel';
import { OllamaClient } from '../../dist/lib/index.js';
import { chatLines } from './chat-lines.js';

const [way, url, count] = process.argv.slice(2);
const request = { model: `lines-${count}`, messages: [{ role: 'user', content: 'Why is the sky blue?' }] };

function checkTokens(tokens) {
  if (tokens !== Number(count)) throw new Error(`${tokens} tokens came instead of ${count}`);
}

const WAYS = {
  parse() {
    const lines = chatLines(Number(count)).trimEnd().split('\n');
    const start = performance.now();
    let characters = 0;
    for (const line of lines) characters += JSON.parse(line).message.content.length;
    if (characters === 0) throw new Error('nothing was parsed');
    return performance.now() - start;
  },
  async batches() {
    const client = new OllamaClient(url);
    let tokens = 0;
    const start = performance.now();
    for await (const events of client.chatBatches(request)) {
      for (const event of events) if (event.type === 'token') tokens += 1;
    }
    const took = performance.now() - start;
    checkTokens(tokens);
    return took;
  },
  // The same while somebody listens to its metrics.
  async measured() {
    let tokens = 0;
    subscribe('ollama-cli.metrics', ({ name, value }) => {
      if (name === 'ollama.tokens.completion') tokens = value;
    });
    const took = await WAYS.batches();
    checkTokens(tokens);
    return took;
  },
  async events() {
    const client = new OllamaClient(url);
    let tokens = 0;
    const start = performance.now();
    for await (const event of client.chat(request)) if (event.type === 'token') tokens += 1;
    const took = performance.now() - start;
    checkTokens(tokens);
    return took;
  },
};

console.log(await WAYS[way]());
