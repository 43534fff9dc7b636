/**
 * What a route is: its schemas, who may call it, which codes it answers with. The validator, the serialiser, the keys'
 * scopes and the OpenAPI description are all derived from this one declaration.
 */
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { type Clock, ERRORS, type ErrorCode, type EventId } from "../core/index.ts";
import type { Recommender } from "../pipeline/recommender.ts";
import type { Admission } from "./admission/admission.ts";
import type { Lane } from "./admission/lanes.ts";
import { errorSchema } from "./answers.ts";
import type { Scope } from "./api-keys.ts";
import type { ServerMetrics } from "./request-metrics.ts";
import type { ServerSettings } from "./settings.ts";

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What the routes work with. */
export interface RouteContext {
  readonly recommender: Recommender;
  readonly metrics: ServerMetrics;
  readonly clock: Clock;
  readonly settings: ServerSettings;
  readonly admission: Admission;
  /** Makes the id of an event that has none. */
  readonly makeId: () => EventId;
  /** Where the server can be reached; a guess before it listens. */
  readonly url: () => string;
  readonly closing: () => boolean;
}

/** Adds its routes to the app. */
export type Routes = (app: App, context: RouteContext) => void;

/** One kind of answer in the OpenAPI description. */
interface DocumentedAnswer {
  readonly description: string;
  readonly content: Readonly<Record<string, { readonly schema: z.ZodType }>>;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** Which scope a key needs; absent where no key is needed. */
    scope?: Scope;
    /** Whether a request is for the console's page, which needs no key. */
    isPage?: (request: FastifyRequest) => boolean;
    /** Where its requests wait for their turn; absent where they do not wait. */
    lane?: Lane;
    answers?: Readonly<Record<string, DocumentedAnswer>>;
  }
}

interface Inputs {
  readonly params?: z.ZodType;
  readonly querystring?: z.ZodType;
  readonly body?: z.ZodType;
}

interface Declaration<I extends Inputs> {
  /** Name for generated clients. */
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: "events" | "recommendations" | "items" | "users" | "operations";
  readonly scope?: Scope;
  /**
   * Behind which other requests its requests wait. `none` for what must never wait or never ends, such as a stream.
   * Without it they are `background`, the lane of what can wait longest.
   */
  readonly lane?: Lane | "none";
  readonly inputs: I;
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** Content type of the answers where it is not JSON. */
  readonly answerType?: string;
  /** Codes beside those that any route with these inputs can answer with. */
  readonly errors?: readonly ErrorCode[];
}

/** The options of a route for the framework. */
export function declareRoute<const I extends Inputs>(declaration: Declaration<I>) {
  const { id, summary, description, tag, scope, inputs, answers, answerType } = declaration;
  const { lane = "background" } = declaration;
  const documented: Record<string, DocumentedAnswer> = errorAnswers(declaration);
  const serialised: Record<string, unknown> = {};
  for (const [status, schema] of Object.entries(answers)) {
    const about = z.globalRegistry.get(schema)?.description ?? summary;
    documented[status] = { description: about, content: { [answerType ?? "application/json"]: { schema } } };
    if (answerType === undefined) serialised[status] = z.toJSONSchema(schema, { io: "output" });
  }
  return {
    schema: {
      ...inputs,
      operationId: id,
      summary,
      ...(description === undefined ? {} : { description }),
      tags: [tag],
      ...(scope === undefined ? {} : { security: [{ bearer: [] }, { apiKey: [] }] }),
      ...(answerType === undefined ? { response: serialised } : {}),
    },
    config: {
      ...(scope === undefined ? {} : { scope }),
      ...(lane === "none" ? {} : { lane }),
      answers: documented,
    },
  };
}

/** The codes of a route by their status; those of its inputs and its keys are implied. */
function errorAnswers({
  inputs,
  scope,
  lane,
  errors = [],
}: Declaration<Inputs>): Record<string, DocumentedAnswer> {
  const codes = new Set<ErrorCode>(errors);
  if (Object.keys(inputs).length > 0) codes.add("invalid_request");
  if (inputs.body !== undefined) {
    for (const code of ["malformed_json", "body_too_large", "unsupported_media_type"] as const)
      codes.add(code);
  }
  if (scope !== undefined) codes.add("unauthorized").add("forbidden");
  if (lane !== "none") codes.add("overloaded");
  codes.add("internal");
  const byStatus: Record<string, DocumentedAnswer> = {};
  for (const code of codes) {
    const { status, about } = ERRORS[code];
    const before = byStatus[status]?.description;
    const description = `${before === undefined ? "" : `${before} `}\`${code}\`: ${about}`;
    byStatus[status] = { description, content: { "application/json": { schema: errorSchema } } };
  }
  return byStatus;
}
