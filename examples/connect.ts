import { OllamaClient, isOllamaError } from 'ollama-cli';

const url = process.argv[2] ?? 'http://127.0.0.1:11434';
try {
  // Answers within five seconds, or fails with what to do about it.
  const client = await OllamaClient.tryFromBaseUrl(url);
  console.log(`Ollama ${await client.version()} at ${client.host.url}`);
} catch (error) {
  if (!isOllamaError(error)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
