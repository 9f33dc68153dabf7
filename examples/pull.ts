import { CliPullProgressReporter, OllamaClient, pullTotals, reducePull, startPull } from 'ollama-cli';

const client = new OllamaClient();

// Event by event, folded into layers, totals and a pace. The last event is Success or Error, always.
let state = startPull('smollm2:135m', Date.now());
for await (const event of client.pullModelStream('smollm2:135m')) {
  state = reducePull(state, event, Date.now());
  const { completed, total } = pullTotals(state, Date.now());
  if (event.type === 'ChunkProgress') console.log(`${completed} of ${total} bytes`);
  if (event.type === 'Error') throw event.error;
}
console.log(state.phase);

// Or told to a reporter; this one writes plain lines to stderr.
await client.pullWithReporter('qwen3:0.6b', new CliPullProgressReporter({ model: 'qwen3:0.6b' }));
