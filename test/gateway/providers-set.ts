import { onTestFinished } from 'vitest';
import { createCircuit } from '../../src/providers/circuit.js';
import { OllamaClient } from '../../src/core/client.js';
import { OllamaError } from '../../src/core/errors.js';
import { openGateway } from '../../src/gateway/server.js';
import { createProviders } from '../../src/providers/set.js';
import { sendTo, TOKEN, type Send } from './open.js';

/** The key of every provider of the tests that has one. */
export const KEY = 'sk-secret-of-the-tests';

/** How a gateway with providers is opened. */
export interface ProvidersGatewayOptions {
  readonly host: string;
  /** `gemma3:1b` where it is left out; undefined where nobody has chosen one. */
  readonly model?: string | undefined;
  readonly blocks?: readonly object[];
  readonly fallback?: readonly string[];
  readonly firstTokenMs?: number;
  readonly allowed?: readonly string[];
}

/** Opens a gateway in front of a server, with these providers; until the end of the test. */
export async function openWithProviders(options: ProvidersGatewayOptions): Promise<Send> {
  const { allowed } = options;
  const client = new OllamaClient(options.host, { retry: { attempts: 1 }, env: {} });
  const providers = createProviders(options.blocks ?? [], {
    client,
    model: 'model' in options ? options.model : 'gemma3:1b',
    fallback: options.fallback ?? [],
    env: {},
    retry: { attempts: 1 },
  });
  const gateway = await openGateway(
    {
      client,
      providers,
      pullLimitMs: undefined,
      firstTokenMs: options.firstTokenMs,
      checkAllowed: (model) => {
        if (allowed?.includes(model) === false) throw new OllamaError('not_allowed', 'Not this one.');
      },
      outdated: async () => await Promise.resolve([]),
      circuit: createCircuit({ waitMs: 30_000, now: Date.now }),
      now: Date.now,
    },
    { listen: { host: '127.0.0.1', port: 0 }, token: TOKEN },
  );
  onTestFinished(() => gateway.close());
  return sendTo(gateway.url);
}
