// The least that checking files can cost: createHash over their bytes, on as many threads as there are processors, the
// largest file first. Prints the digests.
'use strict';

const { createHash } = require('crypto');
const { closeSync, openSync, readdirSync, readSync, statSync } = require('fs');
const { availableParallelism } = require('os');
const path = require('path');
const { isMainThread, parentPort, Worker } = require('worker_threads');

function hashFile(file) {
  const buffer = Buffer.allocUnsafeSlow(1 << 20);
  const hash = createHash('sha256');
  const handle = openSync(file, 'r');
  for (let length; (length = readSync(handle, buffer, 0, buffer.length, null)) > 0;) {
    hash.update(buffer.subarray(0, length));
  }
  closeSync(handle);
  return hash.digest('hex');
}

function main([folder]) {
  const files = readdirSync(folder).map((name) => path.join(folder, name));
  const sizes = new Map(files.map((file) => [file, statSync(file).size]));
  const queue = files.sort((a, b) => sizes.get(b) - sizes.get(a));
  for (let n = Math.min(availableParallelism(), queue.length); n > 0; n -= 1) {
    const thread = new Worker(__filename);
    const next = () => thread.postMessage(queue.shift() ?? '');
    thread.on('message', (digest) => {
      console.log(digest);
      next();
    });
    next();
  }
}

if (isMainThread) main(process.argv.slice(2));
else {
  parentPort.on('message', (file) => {
    if (file === '') parentPort.close();
    else parentPort.postMessage(hashFile(file));
  });
}
