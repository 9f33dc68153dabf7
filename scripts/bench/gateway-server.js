// The server behind the gateway and the bare proxy, in a process of its own: a list of fifty models, and answers by the
// OpenAI-compatible route. The model's name says how many tokens and how many a second, `tokens-COUNT-RATE`, each in a
// write of its own as real servers have it; `held` sends one and falls silent. Prints its address.
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { answerTokens } from './answers.js';

const MODELS = 50;

const list = JSON.stringify({
  models: Array.from({ length: MODELS }, (_, n) => ({
    name: `model-${n}:7b`,
    model: `model-${n}:7b`,
    modified_at: '2026-01-02T03:04:05.678901234+01:00',
    size: 4_000_000_000 + n,
    digest: n.toString(16).padStart(4, '0').repeat(16),
    details: {
      ...{ parent_model: '', format: 'gguf', family: 'llama', families: ['llama'] },
      ...{ parameter_size: '7.6B', quantization_level: 'Q4_K_M', context_length: 8_192 },
    },
    capabilities: ['completion'],
  })),
});

const frame = (model, delta, more) =>
  `data: ${JSON.stringify({
    ...{ id: 'chatcmpl-217', object: 'chat.completion.chunk', created: 1_767_319_445, model },
    ...{ system_fingerprint: 'fp_ollama' },
    choices: [{ index: 0, delta, finish_reason: null }],
    ...more,
  })}\n\n`;

const tokens = answerTokens('prose', 1_000);
const frameOf = (model, n) => frame(model, { role: 'assistant', content: tokens[n % tokens.length] });

async function answer(request, response) {
  const { model } = await json(request);
  response.setHeader('content-type', 'text/event-stream');
  const [what, count, rate] = model.split('-');
  response.write(frameOf(model, 0));
  if (what === 'held') return;
  for (let sent = 1; sent < Number(count); sent += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1_000 / Number(rate)));
    if (response.destroyed) return;
    response.write(frameOf(model, sent));
  }
  const usage = { prompt_tokens: 9, completion_tokens: Number(count), total_tokens: 9 + Number(count) };
  const end = { choices: [{ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: 'stop' }] };
  response.end(`${frame(model, {}, end)}${frame(model, {}, { choices: [], usage })}data: [DONE]\n\n`);
}

const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  if (request.method === 'POST') return void answer(request, response);
  response.setHeader('content-type', 'application/json; charset=utf-8');
  response.end(request.url === '/api/tags' ? list : '{"version":"0.24.0"}');
});
server.listen(0, '127.0.0.1', 4_096, () => console.log(`http://127.0.0.1:${server.address().port}`));
