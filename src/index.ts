/** The library: a typed, silent client of Ollama. Everything that programs may rely on is exported here. */
export {
  OllamaClient,
  type CachedCallOptions,
  type CallOptions,
  type ClientOptions,
  type PullProgressReporter,
} from './core/client.js';
export {
  answerMessage,
  chatRequest,
  reduceChat,
  startAnswer,
  startConversation,
  withMessage,
  type AnswerState,
  type ChatEvent,
  type ChatMetrics,
  type ChatRequest,
  type Conversation,
  type Think,
} from './core/chat.js';
export {
  OllamaError,
  isOllamaError,
  type ErrorCode,
  type ErrorFacts,
  type FailureReason,
} from './core/errors.js';
export {
  FEATURES as SERVER_FEATURES,
  versionHas,
  type Feature as ServerFeature,
  type FeatureMemory,
} from './core/features.js';
export type { CheckStatus, HealthCheck, HealthReport } from './core/health.js';
export type { HttpEvent, Timeouts } from './core/http.js';
export {
  addMetricsListener,
  METRICS,
  METRICS_CHANNEL,
  type Measurement,
  type MetricLabels,
  type MetricListener,
  type MetricName,
} from './core/metrics.js';
export { recordWithOpenTelemetry, type OpenTelemetryMeter } from './core/metrics-otel.js';
export { checkModelName, displayName, parseModelName, sameModel, type ModelName } from './core/model-name.js';
export {
  reducePull,
  startPull,
  type PullLayer,
  type PullManifest,
  type PullPhase,
  type PullRetry,
  type PullState,
} from './core/pull.js';
export { pullTotals, type PullTotals } from './core/pull-totals.js';
export {
  pullEventsFromValue,
  type ManifestLayer,
  type OllamaPullEvent,
  type RetryKind,
} from './core/pull-events.js';
export type { PullOptions } from './core/pull-stream.js';
export type { StatusLine } from './core/status-stream.js';
export {
  allBlobs,
  openRegistry,
  type Registry,
  type RegistryBlob,
  type RegistryCallOptions,
  type RegistryConfig,
  type RegistryDigest,
  type RegistryManifest,
  type RegistryOptions,
} from './core/registry.js';
export type { RetryPolicy } from './core/retry.js';
export { baseUrlToHostRoot, isOpenAiCompatibleBaseUrl, parseHost, type HostAddress } from './core/url.js';
export type * from './core/wire.js';
export {
  checkStatus,
  getDefaultModel,
  getSupportedCapabilities,
  listAvailableModels,
  validateModelName,
  type AvailableModel,
  type CapabilitiesAnswer,
  type DefaultModelAnswer,
  type NameAnswer,
  type StatusAnswer,
} from './editor-tools/functions.js';
export { createAnthropicProvider } from './providers/anthropic.js';
export { parseProviderBlock, showBlock } from './providers/block.js';
export {
  createCircuit,
  type Circuit,
  type CircuitOptions,
  type CircuitTry,
  type Shut,
} from './providers/circuit.js';
export { fallsBack, openFallback, type Fallback, type FallbackOptions } from './providers/fallback.js';
export { createOpenAiProvider } from './providers/openai.js';
export * from './providers/provider.js';
export type { ProviderOptions } from './providers/remote.js';
export { createProviders, type HostOpener, type KeptCheck, type ProvidersOptions } from './providers/set.js';
export {
  CliPullProgressReporter,
  TuiPullProgressReporter,
  type PullReporterOptions,
} from './output/pull-reporter.js';
