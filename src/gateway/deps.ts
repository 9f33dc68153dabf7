import type { FastifyInstance } from 'fastify';
import type { OllamaClient } from '../core/client.js';
import type { Freshness } from '../models/outdated.js';
import type { Circuit } from '../providers/circuit.js';
import type { ProviderSet } from '../providers/provider.js';

/** What the gateway's routes stand on. Made by the command. */
export interface GatewayDeps {
  /** The host in force. */
  readonly client: OllamaClient;
  readonly providers: ProviderSet;
  /** The longest that a caller waits for a pull, in milliseconds; undefined for no limit. */
  readonly pullLimitMs: number | undefined;
  /** To the first token of a provider that has another behind it, in milliseconds; undefined for no limit. */
  readonly firstTokenMs: number | undefined;
  /** The longest silence of a stream of the host in force, in milliseconds; no limit without it. */
  readonly silenceMs?: number | undefined;
  /** Who of them has failed of late; one of the gateway's own without it. */
  readonly circuit?: Circuit | undefined;
  /** Whether a model may be used or pulled; throws `not_allowed`. */
  checkAllowed(model: string): void;
  /** The installed models beside the registry's. */
  outdated(signal: AbortSignal): Promise<readonly Freshness[]>;
  /** Milliseconds since the epoch. */
  now(): number;
}

/** Declares some routes. Each has a JSON schema for what it takes and answers: the OpenAPI document is made of them. */
export type DeclareRoutes = (app: FastifyInstance, deps: GatewayDeps) => void;
