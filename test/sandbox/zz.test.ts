import { test } from 'vitest';
import { startLab, readUntil } from './lab.js';
test('x', async () => {
  const lab = await startLab();
  lab.fault('linger=3s');
  const t = performance.now();
  const e = await readUntil(lab, '/api/pull', { model: 'registry.example:5000/acme/tiny', insecure: true }, (event) => event['completed'] === event['total'] && event['total'] !== undefined);
  console.log(e.length, e.at(-1), performance.now() - t);
  await lab.send('GET', '/api/version');
  lab.fault();
  const ev = await lab.events('/api/pull', { model: 'registry.example:5000/acme/tiny', insecure: true });
  console.log(ev.length, ev[1], performance.now() - t);
  await lab.sandbox.close();
});
