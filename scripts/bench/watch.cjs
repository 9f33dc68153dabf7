// Preloaded into what is measured while it runs: writes down its processor time and its memory, a line each time.
'use strict';

const { openSync, writeSync } = require('fs');

const EVERY_MS = 250;
const file = openSync(process.env.BENCH_WATCH, 'a');

setInterval(() => {
  const { user, system } = process.cpuUsage();
  const rssMb = process.memoryUsage.rss() / 1024 / 1024;
  writeSync(file, `${JSON.stringify({ at: Date.now(), cpuMs: (user + system) / 1000, rssMb })}\n`);
}, EVERY_MS).unref();
