/**
 * One connection to one Redis server. Nothing waits in it for better times: a command is refused at once while there is
 * no connection, and fails when its time is up, whatever the server does. A command that gets no answer in time ends the
 * connection and begins a new one: until that one is there, everything else is refused at once, and a network that was
 * broken is not waited for longer than a new connection takes.
 *
 * node-redis' own timeout covers only the time until a command is written (commands-queue.js), and so is switched off.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisClientOptions } from "redis";
import { UpnextError } from "../core/index.ts";

export type Redis = typeof import("redis");
type Client = ReturnType<Redis["createClient"]>;

const CONNECT_MS = 1_000;
/** A server that says nothing for so long, also not to a ping, is gone. */
const SILENCE_MS = 3_000;
const PING_MS = 1_000;
const LONGEST_PAUSE_MS = 250;
/** More commands than a store has under way at a time; a guard, not a limit that is meant to be met. */
const QUEUE = 10_000;

export class RedisConnection {
  /** `host:port`, for messages. */
  readonly name: string;
  private readonly redis: Redis;
  private readonly url: string;
  private readonly onReady: () => void;
  private client: Client;
  private closed = false;
  private lastError: unknown;

  /** Begins to connect, and goes on trying until closed. `onReady` is called each time it has succeeded. */
  constructor(redis: Redis, url: string, onReady: () => void) {
    this.redis = redis;
    this.url = url;
    this.onReady = onReady;
    this.name = new URL(url).host;
    this.client = this.connect();
  }

  get isReady(): boolean {
    return this.client.isReady;
  }

  /** Rejects with `store_unavailable` where there is no connection after `ms`. */
  async untilReady(ms: number): Promise<void> {
    const end = performance.now() + ms;
    while (!this.isReady) {
      if (performance.now() > end) throw this.unavailable("no connection", this.lastError);
      await sleep(5);
    }
  }

  /**
   * The server's answer; texts in it are buffers where `binary` is set. What the server refuses is rejected as node-redis
   * does, everything else with `store_unavailable`. Commands that are sent in one turn of the event loop go out together.
   */
  send(args: readonly string[] | readonly (string | Buffer)[], ms: number, binary = false): Promise<unknown> {
    const { client, redis } = this;
    if (!client.isReady) return Promise.reject(this.unavailable("no connection", this.lastError));
    return new Promise((resolve, reject) => {
      const expire = () => {
        reject(this.unavailable(`no answer within ${ms} ms`));
        this.renew(client);
      };
      // A process that was busy itself for so long first takes the answers that have come in the meantime.
      const timer = setTimeout(() => setImmediate(expire), ms);
      const typeMapping = binary ? { [redis.RESP_TYPES.BLOB_STRING]: Buffer } : {};
      client.sendCommand(args, { typeMapping }).then(
        (reply) => {
          clearTimeout(timer);
          resolve(reply);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(
            error instanceof redis.ErrorReply ? error : this.unavailable("the connection failed", error),
          );
        },
      );
    });
  }

  close(): void {
    this.closed = true;
    this.client.destroy();
  }

  private renew(client: Client): void {
    if (this.client !== client || this.closed) return;
    client.destroy();
    this.client = this.connect();
  }

  private connect(): Client {
    const options: RedisClientOptions = {
      url: this.url,
      disableOfflineQueue: true,
      commandsQueueMaxLength: QUEUE,
      pingInterval: PING_MS,
      maintNotifications: "disabled",
      commandOptions: { timeout: 0 },
      socket: {
        connectTimeout: CONNECT_MS,
        socketTimeout: SILENCE_MS,
        reconnectStrategy: (retries) => Math.min(5 * 2 ** retries, LONGEST_PAUSE_MS),
      },
    };
    const client = this.redis.createClient(options) as Client;
    client.on("error", (error) => {
      this.lastError = error;
    });
    client.on("ready", () => {
      if (client === this.client) this.onReady();
    });
    client.connect().catch((error) => {
      this.lastError = error;
    });
    return client;
  }

  private unavailable(what: string, cause?: unknown): UpnextError {
    const reason = cause instanceof Error ? ` (${cause.message})` : "";
    return new UpnextError(
      "store_unavailable",
      `Redis at ${this.name}: ${what}${reason}; see to it that the server runs and can be reached`,
      { cause },
    );
  }
}
