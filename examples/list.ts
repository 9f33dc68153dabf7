import { OllamaClient } from 'ollama-cli';

// Without an address: OLLAMA_HOST, or Ollama's own default.
const client = new OllamaClient();

console.log(await client.fetchModels());
for (const model of await client.list()) {
  console.log(model.name, model.size, model.details.quantization_level);
}
