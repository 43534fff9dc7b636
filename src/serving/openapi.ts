/** The description of the API, from the schemas that the routes check and answer with. */
import swagger, { type SwaggerTransform, type SwaggerTransformObject } from "@fastify/swagger";
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from "fastify-type-provider-zod";
import type { z } from "zod";
import type { App } from "./route.ts";

const zodToJsonConfig = {
  override: ({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    // The check for half a surrogate pair has no form that every client's regular expressions know.
    delete jsonSchema.pattern;
    // That an integer is safe goes without saying.
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  },
};

const fromZod = createJsonSchemaTransform({ zodToJsonConfig });

/** The framework serialises with compiled JSON schemas; the description takes the zod schemas they came from. */
const transform: SwaggerTransform = ({ schema, url, route, ...document }) => {
  const answers = route.config?.answers;
  return fromZod({
    schema: answers === undefined ? schema : { ...schema, response: answers },
    url,
    route,
    ...document,
  });
};

const withComponents = createJsonSchemaTransformObject({ zodToJsonConfig });

/** Every named schema comes in a form for input and one for output; those that nothing refers to are left out. */
const transformObject: SwaggerTransformObject = (document) => {
  const described = withComponents(document);
  if (!("components" in described)) return described;
  const schemas: Record<string, unknown> = described.components?.schemas ?? {};
  for (let found = true; found; ) {
    const text = JSON.stringify(described);
    const unused = Object.keys(schemas).filter((name) => !text.includes(`"#/components/schemas/${name}"`));
    for (const name of unused) delete schemas[name];
    found = unused.length > 0;
  }
  return described;
};

const DESCRIPTION = `A two-stage recommender. Send events, ask for recommendations; an answer asked with \`after\` reflects every event before that offset. Every failure has the form of \`Error\`; docs/errors.md has a section for each code.`;

export async function describeApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: { title: "upnext", version: "1", description: DESCRIPTION, license: { name: "Apache-2.0" } },
      tags: [
        { name: "events", description: "What happened." },
        { name: "recommendations", description: "What to show." },
        { name: "items", description: "Facts about items, and their neighbours." },
        { name: "users", description: "Facts about users, their state, their erasure." },
        { name: "operations", description: "Health, metrics, this description." },
      ],
      components: {
        securitySchemes: {
          bearer: { type: "http", scheme: "bearer", description: "An API key, where keys are configured." },
          apiKey: { type: "apiKey", in: "header", name: "x-api-key", description: "The same key." },
        },
      },
    },
    transform,
    transformObject,
  });
}
