// Preloaded into what is measured: at its end it writes down the processor time and the peak memory of the process.
'use strict';

const { readFileSync, writeFileSync } = require('fs');

/** In kB. Linux counts in `maxRSS` what the process was before it became Node; `VmHWM` leaves that out. */
function peakMemory() {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS;
  return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))[1]);
}

process.on('exit', () => {
  const { user, system } = process.cpuUsage();
  writeFileSync(
    process.env.BENCH_USAGE,
    JSON.stringify({ cpuMs: (user + system) / 1000, peakMb: peakMemory() / 1024 }),
  );
});
