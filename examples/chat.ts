import { OllamaClient, chatRequest, startConversation, withMessage } from 'ollama-cli';

const client = new OllamaClient();
const conversation = withMessage(startConversation('llama3.2:1b', { system: 'Be brief.' }), {
  role: 'user',
  content: 'Why is the sky blue?',
});

for await (const event of client.chat(chatRequest(conversation))) {
  if (event.type === 'token') process.stdout.write(event.text);
  if (event.type === 'error') throw event.error;
  if (event.type === 'done') console.log(`\n${event.metrics.completion_tokens} tokens, ${event.reason}`);
}
