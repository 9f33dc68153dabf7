import { defineConfig } from 'vitest/config';

// Two cores are the smallest machine this runs on: more workers only make the pseudo-terminal tests late.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    exclude: ['test/live/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    maxWorkers: 2,
    env: { NODE_ENV: 'test' },
  },
});
