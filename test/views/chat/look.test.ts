import { test, beforeAll } from 'vitest';
import { answerLines, buildDriver, openChat } from './open-chat.js';
beforeAll(buildDriver);
const sleep = (ms: number) => new Promise((r) => setTimeout(r, ms));
test(`look`, async () => {
  const chat = await openChat([{ body: answerLines(['hi there']) }], { cols:80, rows: 24 });
  chat.terminal.write('Why\r');
  await chat.terminal.waitFor('tokens ·');
  for (const c of [50,120,42,100,30]) {
  chat.terminal.resize(c, 20);
  await sleep(300);
  console.log(c+'\n'+chat.terminal.screen());
  }
  await chat.close();
});
