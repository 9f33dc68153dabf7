import { OllamaClient, isOllamaError } from 'ollama-cli';

const client = new OllamaClient();

// Single answers throw; `code` is stable, `message` is for people.
try {
  await client.show('no-such-model');
} catch (error) {
  if (!isOllamaError(error) || error.code !== 'model_not_found') throw error;
  console.log(`${error.code}: ${error.message}`);
}

// Streams never throw: their last event tells the outcome. Any call can be ended by a signal.
for await (const event of client.pullModelStream('llama3.2:3b', { signal: AbortSignal.abort() })) {
  if (event.type === 'Error') console.log(event.error.code);
}
