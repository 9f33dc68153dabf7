// The gateway's framework, answering one constant: what it reads from its input. Prints its address.
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';

const constant = Buffer.from(await text(process.stdin));
const app = Fastify({ logger: false });
app.get('/', async (_request, reply) => reply.type('application/json; charset=utf-8').send(constant));
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
