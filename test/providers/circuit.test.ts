import { expect, test } from 'vitest';
import { OllamaError } from '../../src/core/errors.js';
import { createCircuit, MOST_FAILURES, type Circuit } from '../../src/providers/circuit.js';

const ERROR = new OllamaError('unreachable', 'Nobody is there.');

function openCircuit(waitMs = 30_000) {
  const clock = { ms: 1_000_000 };
  return { clock, circuit: createCircuit({ waitMs, now: () => clock.ms }) };
}

function fail(circuit: Circuit, name = 'gpu', times = MOST_FAILURES): void {
  for (let count = 0; count < times; count += 1) circuit.begin(name).fail(ERROR);
}

test('one failure shuts nobody out, a second in a row does, and says since when and for how long', () => {
  const { clock, circuit } = openCircuit();
  fail(circuit, 'gpu', 1);
  expect(circuit.shut('gpu')).toBeUndefined();
  fail(circuit, 'gpu', 1);
  clock.ms += 12_000;
  expect(circuit.shut('gpu')).toEqual({
    why: 'it failed 12s ago, and is passed over for 18s more',
    error: ERROR,
  });
  expect(circuit.shut('local')).toBeUndefined();
});

test('a success between two failures is a new beginning', () => {
  const { circuit } = openCircuit();
  fail(circuit, 'gpu', 1);
  circuit.begin('gpu').succeed();
  fail(circuit, 'gpu', 1);
  expect(circuit.shut('gpu')).toBeUndefined();
});

test('forgets all of them when it is asked to', () => {
  const { circuit } = openCircuit();
  fail(circuit);
  circuit.clearCache();
  expect(circuit.shut('gpu')).toBeUndefined();
});

test('after the wait one may try again, and only one at a time', () => {
  const { clock, circuit } = openCircuit();
  fail(circuit);
  clock.ms += 29_999;
  expect(circuit.shut('gpu')).toBeDefined();
  clock.ms += 1;
  expect(circuit.shut('gpu')).toBeUndefined();
  const attempt = circuit.begin('gpu');
  expect(circuit.shut('gpu')?.why).toBe('it failed 30s ago, and is being tried again');
  attempt.succeed();
  expect(circuit.shut('gpu')).toBeUndefined();
  fail(circuit, 'gpu', 1);
  expect(circuit.shut('gpu')).toBeUndefined();
});

test('a try after the wait that fails shuts it for as long again', () => {
  const { clock, circuit } = openCircuit();
  fail(circuit);
  clock.ms += 30_000;
  fail(circuit, 'gpu', 1);
  clock.ms += 29_999;
  expect(circuit.shut('gpu')).toBeDefined();
  clock.ms += 1;
  expect(circuit.shut('gpu')).toBeUndefined();
});

test('a try that was left lets the next one try', () => {
  const { clock, circuit } = openCircuit();
  fail(circuit);
  clock.ms += 30_000;
  const attempt = circuit.begin('gpu');
  attempt.leave();
  expect(circuit.shut('gpu')).toBeUndefined();
  // It has ended: what is called late changes nothing.
  attempt.fail(ERROR);
  expect(circuit.shut('gpu')).toBeUndefined();
});

test('without a wait nobody is ever passed over', () => {
  const { circuit } = openCircuit(0);
  fail(circuit, 'gpu', 5);
  circuit.begin('gpu');
  expect(circuit.shut('gpu')).toBeUndefined();
});

test('a clock that was set back tells no time below nothing', () => {
  const { clock, circuit } = openCircuit();
  fail(circuit);
  clock.ms -= 5_000;
  expect(circuit.shut('gpu')?.why).toBe('it failed 0s ago, and is passed over for 30s more');
});
