/** The few requests that the DynamoDB store is made of. All of them reject with `store_unavailable`, the cause kept. */
import { setTimeout as sleep } from "node:timers/promises";
import type { DynamoDB, WriteRequest } from "@aws-sdk/client-dynamodb";
import { dynamoDbClient, isNamed, isThrottled, REQUEST_MS, tableOf, unavailable } from "./dynamodb-client.ts";
import type { Row } from "./dynamodb-rows.ts";
import type { DynamoDbPlace } from "./state-place.ts";
import { Turnstile } from "./turnstile.ts";

/** What is waited before a throttled request is sent again, by those who have the time: 1.5 s in all. */
const WAITS_MS = [100, 200, 400, 800];
/** What BatchWriteItem takes. */
const BATCH = 25;
/**
 * Reads under way at once, and as many writes of one call. The SDK needs about 1 ms of processor time for each, and the
 * table some ms to answer: more at once would only wait in this process, while their time runs.
 */
const PARALLEL = 16;

/** A condition or an update, and what stands behind the values (:) in it. */
export interface Expression {
  readonly text: string;
  readonly values?: Row;
}

/** What the SDK takes beside the request. */
interface Options {
  readonly abortSignal: AbortSignal;
}

export interface PageQuery {
  readonly partition: Uint8Array;
  /** Sort keys from the first to the second, both included; all of them where absent. */
  readonly between?: readonly [Uint8Array, Uint8Array];
  readonly start?: Row | undefined;
  readonly limit?: number;
  /** At half the price where false: what was written in the last second or so may be missing. */
  readonly consistent: boolean;
  /** Whether a throttled request is sent again; whoever is not patient is one of many readers. */
  readonly patient: boolean;
}

export interface Page {
  readonly rows: readonly Row[];
  /** Where the next page starts; undefined after the last one. */
  readonly next: Row | undefined;
}

export async function openTable(place: DynamoDbPlace): Promise<DynamoDbTable> {
  return new DynamoDbTable(await dynamoDbClient(place), tableOf(place));
}

export class DynamoDbTable {
  readonly name: string;
  private readonly client: DynamoDB;
  private readonly reads = new Turnstile(PARALLEL);

  constructor(client: DynamoDB, name: string) {
    this.client = client;
    this.name = name;
  }

  async get(key: Row): Promise<Row | undefined> {
    const input = { TableName: this.name, Key: key, ConsistentRead: true };
    return (await this.call("a read", (options) => this.client.getItem(input, options), [])).Item;
  }

  /** Whether the row was written: false where the condition does not hold. */
  put(row: Row, condition: Expression): Promise<boolean> {
    const input = {
      TableName: this.name,
      Item: row,
      ConditionExpression: condition.text,
      ExpressionAttributeValues: condition.values,
    };
    return this.conditional((options) => this.client.putItem(input, options));
  }

  /** Whether the row was changed; the values of the condition are among those of the update. */
  update(key: Row, update: Expression, condition?: string): Promise<boolean> {
    const input = {
      TableName: this.name,
      Key: key,
      UpdateExpression: update.text,
      ConditionExpression: condition,
      ExpressionAttributeValues: update.values,
    };
    return this.conditional((options) => this.client.updateItem(input, options));
  }

  /** Rows of one partition, the greatest sort key first. */
  async query({ partition, between, start, limit, consistent, patient }: PageQuery): Promise<Page> {
    const values: Row = { ":u": { B: partition } };
    if (between !== undefined) {
      values[":from"] = { B: between[0] };
      values[":to"] = { B: between[1] };
    }
    const input = {
      TableName: this.name,
      KeyConditionExpression: between === undefined ? "u = :u" : "u = :u AND k BETWEEN :from AND :to",
      ExpressionAttributeValues: values,
      ProjectionExpression: between === undefined ? "k, i, w, e" : "k",
      ScanIndexForward: false,
      ConsistentRead: consistent,
      Limit: limit,
      ExclusiveStartKey: start,
    };
    const send = (options: Options) => this.client.query(input, options);
    const result = patient
      ? await this.call("a read", send)
      : await this.reads.pass(() => this.call("a read", send, []));
    return { rows: result.Items ?? [], next: result.LastEvaluatedKey };
  }

  /** The keys of all rows; those of one partition come one after the other. */
  async scan(start: Row | undefined, limit?: number): Promise<Page> {
    const input = {
      TableName: this.name,
      ProjectionExpression: "u, k",
      ConsistentRead: true,
      Limit: limit,
      ExclusiveStartKey: start,
    };
    const result = await this.call("a scan", (options) => this.client.scan(input, options));
    return { rows: result.Items ?? [], next: result.LastEvaluatedKey };
  }

  async delete(keys: readonly Row[]): Promise<void> {
    const batches: WriteRequest[][] = [];
    for (let i = 0; i < keys.length; i += BATCH) {
      batches.push(
        keys.slice(i, i + BATCH).map(({ u, k }) => ({ DeleteRequest: { Key: { u: u!, k: k! } } })),
      );
    }
    await inParallel(batches, async (batch) => {
      let left: WriteRequest[] = batch;
      await this.call("a delete", async () => {
        const { UnprocessedItems } = await this.client.batchWriteItem({
          RequestItems: { [this.name]: left },
        });
        left = UnprocessedItems?.[this.name] ?? [];
        if (left.length > 0) throw leftUndone(left.length);
      });
    });
  }

  close(): void {
    this.client.destroy();
  }

  private conditional(send: (options: Options) => Promise<unknown>): Promise<boolean> {
    return this.call("a write", async (options) => {
      try {
        await send(options);
        return true;
      } catch (error) {
        if (isNamed(error, "ConditionalCheckFailedException")) return false;
        throw error;
      }
    });
  }

  /** Sends again after each of `waits` while the table is throttled. */
  private async call<T>(
    what: string,
    send: (options: Options) => Promise<T>,
    waits: readonly number[] = WAITS_MS,
  ): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await inTime(send);
      } catch (error) {
        const wait = waits[attempt];
        if (wait === undefined || !isThrottled(error)) throw unavailable(this.name, what, error);
        await sleep(wait);
      }
    }
  }
}

/** Runs `run` for each, some at once. After a failure no more are begun; rejects with it when all that were have ended. */
export async function inParallel<T>(list: readonly T[], run: (one: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    try {
      while (next < list.length) await run(list[next++]!);
    } catch (error) {
      next = list.length;
      throw error;
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: Math.min(PARALLEL, list.length) }, worker));
  const failed = ends.find((end) => end.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** The client's own limit ends with the first byte of an answer; this one holds to the last. */
async function inTime<T>(send: (options: Options) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), REQUEST_MS);
  try {
    return await send({ abortSignal: controller.signal });
  } finally {
    clearTimeout(timer);
  }
}

/** Of a batch, the service reports what it was too busy for without an error. */
function leftUndone(count: number): Error {
  const error = new Error(`${count} of a batch were left undone`);
  error.name = "ThrottlingException";
  return error;
}
