// The lines of a long chat answer, as Ollama sends them: the same on the server's side and where they are only parsed.

const WORDS = ['the', ' sky', ' is', ' blue', ',', ' because', ' light', ' \\"scatters\\"', '.', '\\n'];

/** `count` lines and the last one, about 120 bytes each. */
export function chatLines(count) {
  const lines = [];
  for (let n = 0; n < count; n += 1) {
    const time = `2026-01-02T03:04:${String(n % 60).padStart(2, '0')}.${String(n).padStart(9, '0')}Z`;
    lines.push(
      `{"model":"llama3.2:1b","created_at":"${time}","message":{"role":"assistant","content":"${WORDS[n % WORDS.length]}"},"done":false}\n`,
    );
  }
  lines.push(
    `{"model":"llama3.2:1b","created_at":"2026-01-02T03:05:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","total_duration":1,"load_duration":1,"prompt_eval_count":1,"prompt_eval_duration":1,"eval_count":${count},"eval_duration":1}\n`,
  );
  return lines.join('');
}
