import { defineConfig } from 'vitest/config';

/** `npm run test:live`: the end-to-end checks against the real server named in OLLAMA_HOST. */
export default defineConfig({
  test: { include: ['test/live/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 60_000, maxWorkers: 1 },
});
