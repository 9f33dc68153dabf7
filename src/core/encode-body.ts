import { isFields } from './fields.js';

/**
 * The JSON of a request's body in UTF-8, its messages one by one: a long conversation as one string is copied whole
 * several times at each turn, and V8 is slow to give memory of that size back.
 */
export function encodeBody(body: unknown): Buffer {
  if (!isFields(body) || !Array.isArray(body['messages'])) return Buffer.from(JSON.stringify(body));
  const { messages, ...others } = body;
  const around = JSON.stringify(others).slice(0, -1);
  const texts = [around, around === '{' ? '"messages":[' : ',"messages":['];
  for (const [index, message] of messages.entries()) {
    if (index > 0) texts.push(',');
    texts.push(JSON.stringify(message));
  }
  texts.push(']}');
  const encoded = Buffer.allocUnsafeSlow(texts.reduce((length, text) => length + Buffer.byteLength(text), 0));
  let at = 0;
  for (const text of texts) at += encoded.write(text, at);
  return encoded;
}
