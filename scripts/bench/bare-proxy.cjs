// The least that stands between a caller and a server: each request is sent on as it is, and its answer piped back. Its
// argument is the server's address; prints its own.
'use strict';

const http = require('http');

const { hostname, port } = new URL(process.argv[2]);

const server = http.createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
  const { method, url: path, headers } = request;
  const outgoing = http.request({ hostname, port, method, path, headers }, (incoming) => {
    response.writeHead(incoming.statusCode, incoming.headers);
    incoming.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => outgoing.destroy());
  request.pipe(outgoing);
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
