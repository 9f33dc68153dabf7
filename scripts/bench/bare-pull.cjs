// The least that a pull can cost: one POST, read to its end.
'use strict';

const http = require('http');

const [url, model] = process.argv.slice(2);
const request = http.request(`${url}/api/pull`, { method: 'POST' }, (response) => {
  let last = '';
  response.on('data', (chunk) => {
    last = String(chunk);
  });
  response.on('end', () => {
    if (!last.includes('"success"')) throw new Error(`the pull ended with ${last}`);
  });
});
request.end(JSON.stringify({ model }));
