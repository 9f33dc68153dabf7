/**
 * Ollama's own shapes, with its own field names; unknown fields are kept. What the program reads is checked in
 * decode.ts, the rest is passed on as it came. Source: api/types.go of Ollama, and the recordings.
 */

/** Details of a model's format. */
export interface ModelDetails {
  readonly format?: string;
  readonly family?: string;
  readonly families?: readonly string[] | null;
  readonly parameter_size?: string;
  readonly quantization_level?: string;
  readonly parent_model?: string;
  readonly context_length?: number;
  readonly [key: string]: unknown;
}

/** An installed model, one entry of `/api/tags`. `size` in bytes, `digest` in bare hex, `modified_at` ISO 8601. */
export interface InstalledModel {
  readonly name: string;
  readonly model: string;
  readonly size: number;
  readonly digest: string;
  readonly modified_at: string;
  readonly details: ModelDetails;
  readonly capabilities?: readonly string[];
  readonly context_length?: number;
  readonly remote_host?: string;
  readonly remote_model?: string;
  readonly [key: string]: unknown;
}

/** A loaded model, one entry of `/api/ps`. Sizes in bytes. */
export interface RunningModel {
  readonly name: string;
  readonly model: string;
  readonly size: number;
  readonly size_vram: number;
  readonly digest: string;
  readonly expires_at: string;
  readonly context_length?: number;
  readonly details: ModelDetails;
  readonly [key: string]: unknown;
}

/** A model that a server recommends. `vram_bytes` is what it takes of a GPU. */
export interface Recommendation {
  readonly model: string;
  readonly description?: string;
  readonly context_length?: number;
  readonly max_output_tokens?: number;
  readonly vram_bytes?: number;
  readonly required_plan?: string;
  readonly [key: string]: unknown;
}

/** The answer of `/api/show`; what a server does not tell is absent. */
export interface ShowResponse {
  readonly license?: string;
  readonly modelfile?: string;
  readonly parameters?: string;
  readonly template?: string;
  readonly system?: string;
  readonly details: ModelDetails;
  readonly messages?: readonly ChatMessage[];
  readonly model_info?: Readonly<Record<string, unknown>> | null;
  readonly capabilities?: readonly string[] | null;
  readonly modified_at?: string;
  readonly [key: string]: unknown;
}

/** The options of a model that a request may set. Source: api/types.go, Options. */
export interface ModelOptions {
  readonly [name: string]: number | boolean | string | readonly string[];
}

/** A call of a function that the model asks for. */
export interface ToolCall {
  readonly id?: string;
  readonly function: {
    readonly name: string;
    readonly arguments: Readonly<Record<string, unknown>>;
    readonly index?: number;
  };
  readonly [key: string]: unknown;
}

/** A function offered to the model, as JSON Schema. */
export interface ToolDefinition {
  readonly type: 'function';
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: unknown };
}

/** One message of a conversation. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
  readonly thinking?: string;
  readonly images?: readonly string[];
  readonly tool_calls?: readonly ToolCall[];
  readonly tool_name?: string;
  readonly tool_call_id?: string;
}

/** The body of `/api/generate`. */
export interface GenerateRequest {
  readonly model: string;
  readonly prompt?: string;
  readonly suffix?: string;
  readonly system?: string;
  readonly template?: string;
  readonly raw?: boolean;
  readonly images?: readonly string[];
  readonly options?: ModelOptions;
  readonly format?: unknown;
  readonly think?: boolean | string;
  readonly keep_alive?: string | number;
  readonly truncate?: boolean;
  readonly shift?: boolean;
}

/** The body of `/api/create`; files by the name that they have in the model, each with the digest of its blob. */
export interface CreateRequest {
  readonly model: string;
  readonly from?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly adapters?: Readonly<Record<string, string>>;
  /** Of the small model that guesses ahead. */
  readonly draft_files?: Readonly<Record<string, string>>;
  readonly template?: string;
  readonly renderer?: string;
  readonly parser?: string;
  /** The oldest version of Ollama that will do. */
  readonly requires?: string;
  readonly license?: string | readonly string[];
  readonly system?: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly messages?: readonly ChatMessage[];
  readonly quantize?: string;
  readonly draft_quantize?: string;
  readonly [key: string]: unknown;
}

/** The body of `/api/embed`. */
export interface EmbedRequest {
  readonly model: string;
  readonly input: string | readonly string[];
  readonly truncate?: boolean;
  readonly dimensions?: number;
  readonly keep_alive?: string | number;
  readonly options?: ModelOptions;
}

/** The answer of `/api/embed`: one vector an input. */
export interface EmbedResponse {
  readonly model: string;
  readonly embeddings: readonly (readonly number[])[];
  readonly prompt_eval_count?: number;
  readonly [key: string]: unknown;
}

/** How a request names a model: early servers know only `name`, all later ones read `model` first. */
export function named(model: string): { readonly model: string; readonly name: string } {
  return { model, name: model };
}
