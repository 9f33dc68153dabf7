import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judge, type Asked, type GuardRules } from '../../src/gateway/guard.js';
import { makeToken, tokenCheck } from '../../src/gateway/token.js';

const RULES: GuardRules = {
  allowHosts: ['gateway.example'],
  cors: ['https://app.example'],
  hasToken: (authorization) => authorization === 'Bearer right',
};

function asked(headers: Readonly<Record<string, string>>, more: Partial<Asked> = {}): Asked {
  const all = { host: '127.0.0.1:8002', authorization: 'Bearer right', ...headers };
  return {
    method: 'GET',
    url: '/ready',
    headers: all,
    rawHeaders: Object.entries(all).flat(),
    localAddress: '127.0.0.1',
    ...more,
  };
}

function outcome(question: Asked, rules = RULES): string {
  const judgement = judge(question, rules);
  return judgement.kind === 'refused' ? String(judgement.error.status) : judgement.kind;
}

describe('the guard by the name that was called', () => {
  it.each([
    ['127.0.0.1:8002', '127.0.0.1', 'passed'],
    ['127.0.0.1', '127.0.0.1', 'passed'],
    ['localhost:8002', '127.0.0.1', 'passed'],
    ['LOCALHOST:8002', '::1', 'passed'],
    ['app.localhost:8002', '127.0.0.1', 'passed'],
    ['[::1]:8002', '::1', 'passed'],
    ['127.0.0.1:8002', '::ffff:127.0.0.1', 'passed'],
    ['gateway.example', '10.0.0.5', 'passed'],
    ['10.0.0.5:8002', '10.0.0.5', 'passed'],
    ['10.0.0.6:8002', '10.0.0.5', '403'],
    ['localhost:8002', '172.17.0.2', 'passed'],
    ['127.0.0.1:8002', '172.17.0.2', 'passed'],
    ['rebound.attacker.example:8002', '127.0.0.1', '403'],
    ['127.0.0.1.attacker.example', '127.0.0.1', '403'],
    ['localhost.attacker.example', '127.0.0.1', '403'],
    ['attacker.example#localhost', '127.0.0.1', '403'],
    ['user@127.0.0.1', '127.0.0.1', '403'],
    ['2130706433', '127.0.0.1', '403'],
    ['0x7f.1', '127.0.0.1', '403'],
    ['', '127.0.0.1', '403'],
  ])('%j on %s: %s', (host, localAddress, expected) => {
    expect(outcome(asked({ host }, { localAddress }))).toBe(expected);
  });

  it('refuses a request without a name', () => {
    expect(outcome(asked({}, { headers: { authorization: 'Bearer right' }, rawHeaders: [] }))).toBe('403');
  });
});

describe('the guard by the page that asks', () => {
  it.each([
    [{}, 'passed'],
    [{ origin: 'http://127.0.0.1:8002' }, 'passed'],
    [{ origin: 'https://app.example' }, 'passed'],
    [{ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }, 'passed'],
    [{ origin: 'http://app.example' }, '403'],
    [{ origin: 'https://app.example.attacker.example' }, '403'],
    [{ origin: 'https://app.example:444' }, '403'],
    [{ origin: 'http://localhost:3000' }, '403'],
    [{ origin: 'null' }, '403'],
    [{ origin: '' }, '403'],
    [{ 'sec-fetch-site': 'cross-site' }, '403'],
    [{ 'sec-fetch-site': 'same-site' }, '403'],
    [{ 'sec-fetch-site': 'none' }, 'passed'],
    [{ 'sec-fetch-site': 'same-origin' }, 'passed'],
    [{ origin: 'http://127.0.0.1:8002', 'sec-fetch-site': 'cross-site' }, '403'],
  ])('%j: %s', (headers, expected) => {
    expect(outcome(asked(headers))).toBe(expected);
  });

  it('lets in no page of another origin, whatever it is called', () => {
    fc.assert(
      fc.property(fc.webUrl(), (url) => {
        const { origin } = new URL(url);
        expect(outcome(asked({ origin }))).toBe('403');
      }),
    );
  });

  it('answers the question of a browser before the real one, for a named page alone, without a token', () => {
    const question = (origin: string): Asked =>
      asked({ origin, 'access-control-request-method': 'POST', authorization: '' }, { method: 'OPTIONS' });
    const judgement = judge(question('https://app.example'), RULES);
    expect(judgement).toMatchObject({
      kind: 'preflight',
      headers: {
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-headers': 'authorization, content-type, prefer',
        vary: 'origin',
      },
    });
    expect(outcome(question('https://other.example'))).toBe('403');
    expect(outcome(question('http://127.0.0.1:8002'))).toBe('401');
  });

  it('tells a named page that it may read a refusal too', () => {
    const judgement = judge(asked({ origin: 'https://app.example', authorization: 'no' }), RULES);
    expect(judgement).toMatchObject({
      kind: 'refused',
      headers: { 'access-control-allow-origin': 'https://app.example', 'www-authenticate': 'Bearer' },
    });
  });

  it('says nothing of other origins where no page asks', () => {
    expect(judge(asked({}), RULES)).toEqual({ kind: 'passed', headers: {} });
  });
});

describe('the guard by the form', () => {
  it.each(['http://attacker.example/', '//x y', '*', 'attacker.example:443', '/a\u0000b', '/\u00e9'])(
    'refuses %j, which is no path',
    (url) => {
      expect(outcome(asked({}, { url }))).toBe('400');
    },
  );

  it.each(['host', 'Origin', 'AUTHORIZATION', 'content-type', 'Sec-Fetch-Site'])(
    'refuses a second %s',
    (name) => {
      const one = asked({ [name.toLowerCase()]: 'x' });
      expect(outcome({ ...one, rawHeaders: [...one.rawHeaders, name, 'y'] })).toBe('400');
    },
  );

  it('takes other headers as often as they come', () => {
    const one = asked({ accept: 'a' });
    expect(outcome({ ...one, rawHeaders: [...one.rawHeaders, 'Accept', 'b'] })).toBe('passed');
  });
});

describe('the token', () => {
  it.each([
    ['Bearer right', true],
    ['bearer right', true],
    ['Bearer   right ', true],
    ['Bearer wrong', false],
    ['Bearer righ', false],
    ['Bearer rightt', false],
    ['Basic right', false],
    ['right', false],
    ['Bearer right right', false],
    ['', false],
    [undefined, false],
  ])('%j: %s', (authorization, expected) => {
    expect(tokenCheck('right')(authorization)).toBe(expected);
  });

  it('is another one each time, long, and of letters that need no quotes', () => {
    const tokens = new Set(Array.from({ length: 100 }, makeToken));
    expect(tokens.size).toBe(100);
    for (const token of tokens) expect(token).toMatch(/^[\w-]{43}$/);
  });

  it('is asked for by each call, and by none where none is wanted', () => {
    expect(outcome(asked({ authorization: 'Bearer no' }))).toBe('401');
    const open = { ...RULES, hasToken: undefined };
    expect(outcome(asked({ authorization: 'Bearer no' }), open)).toBe('passed');
    expect(outcome(asked({ host: 'attacker.example' }), open)).toBe('403');
  });
});
