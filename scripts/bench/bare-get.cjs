// The least that a list of models can cost: one GET, parsed and printed.
'use strict';

const http = require('http');

http.get(`${process.argv[2]}/api/tags`, (response) => {
  const chunks = [];
  response.on('data', (chunk) => chunks.push(chunk));
  response.on('end', () =>
    process.stdout.write(`${JSON.stringify(JSON.parse(Buffer.concat(chunks).toString()))}\n`),
  );
});
