import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ERRORS } from "../../src/core/index.ts";
import { type Harness, startServer } from "./harness.ts";

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly tags: readonly string[];
  readonly security?: unknown;
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly description?: string;
  }[];
  readonly requestBody?: {
    readonly content: Record<
      string,
      { example?: unknown; examples?: unknown; schema: { examples?: unknown } }
    >;
  };
  readonly responses: Record<
    string,
    { readonly description: string; readonly content: Record<string, unknown> }
  >;
}
interface Description {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, { description?: string; examples?: unknown[] }> };
}

let harness: Harness;
let description: Description;
let operations: [name: string, operation: Operation][];

beforeAll(async () => {
  harness = await startServer();
  description = (await (await fetch(`${harness.url}/openapi.json`)).json()) as Description;
  operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Operation] => [
      `${method} ${path}`,
      operation,
    ]),
  );
});
afterAll(() => harness.close());

describe("the OpenAPI description", () => {
  it("has every route of the API and nothing else", () => {
    expect(operations.map(([name]) => name).sort()).toEqual([
      "delete /v1/items/{id}",
      "delete /v1/users/{id}",
      "get /",
      "get /healthz",
      "get /metrics",
      "get /readyz",
      "get /v1/experiments",
      "get /v1/experiments/{name}",
      "get /v1/exposure",
      "get /v1/features",
      "get /v1/items",
      "get /v1/items/{id}/similar",
      "get /v1/live",
      "get /v1/recommendations",
      "get /v1/releases",
      "get /v1/releases/{id}",
      "get /v1/slates",
      "get /v1/status",
      "get /v1/training",
      "get /v1/users",
      "get /v1/users/{id}/state",
      "post /v1/events",
      "post /v1/experiments",
      "post /v1/experiments/{name}/stop",
      "post /v1/recommendations",
      "post /v1/releases/{id}/promotion",
      "post /v1/releases/{id}/rollback",
      "put /v1/items/{id}",
      "put /v1/users/{id}",
    ]);
  });

  it("refers only to schemas that it has, and has none that nothing refers to", () => {
    const text = JSON.stringify(description);
    const used = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name!));
    expect([...used].sort()).toEqual(Object.keys(description.components.schemas).sort());
    expect(text).not.toContain("9007199254740991");
  });

  it("names, sums up and tags each operation, describes its parameters and its errors", () => {
    const ids = operations.map(([, operation]) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [name, operation] of operations) {
      expect(operation.summary, name).not.toBe("");
      expect(operation.tags, name).toHaveLength(1);
      for (const parameter of operation.parameters ?? []) {
        expect(parameter.description, `${name} ${parameter.name}`).toBeTruthy();
      }
      expect(operation.responses["500"]?.description, name).toContain("`internal`");
      expect(operation.responses["200"], name).toBeDefined();
    }
  });

  it("gives an example of each body that is sent, and of each schema that is answered", () => {
    for (const [name, { requestBody }] of operations) {
      if (requestBody === undefined) continue;
      const media = requestBody.content["application/json"];
      expect(media?.example ?? media?.examples ?? media?.schema.examples, name).toBeDefined();
    }
    for (const [name, schema] of Object.entries(description.components.schemas)) {
      expect(schema.description, name).toBeTruthy();
    }
    expect(description.components.schemas["Recommendation"]?.examples).toHaveLength(1);
  });

  it("shows integers as integers although a query is text", () => {
    const limit = description.paths["/v1/recommendations"]?.["get"]?.parameters?.find(
      ({ name }) => name === "limit",
    );
    expect(limit).toMatchObject({ in: "query", schema: { type: "integer", minimum: 1, maximum: 500 } });
  });

  it("asks for a key everywhere but at the two health routes", () => {
    const open = operations.filter(([, { security }]) => security === undefined).map(([name]) => name);
    expect(open.sort()).toEqual(["get /healthz", "get /readyz"]);
  });

  it("names only codes that exist, each under its status", () => {
    const known: Record<string, { readonly status: number }> = ERRORS;
    for (const [name, { responses }] of operations) {
      for (const [status, { description: text }] of Object.entries(responses)) {
        for (const [, code] of status === "200" ? [] : text.matchAll(/`(\w+)`:/g)) {
          expect(known[code!]?.status, `${name} ${code}`).toBe(Number(status));
        }
      }
    }
  });
});
