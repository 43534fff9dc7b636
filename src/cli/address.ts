/** Where to listen: --port and --host, then PORT and HOST, then the configuration. */
import { type AddressInfo, createServer } from "node:net";
import { Option } from "commander";
import { UpnextError } from "../core/index.ts";
import { UsageError } from "./failure.ts";
import { port } from "./option-parsers.ts";

export interface AddressOptions {
  readonly port?: number;
  readonly host?: string;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** New options each time: commander keeps them by command. */
export function addressOptions(): readonly [Option, Option] {
  return [
    new Option("--port <n>", "where to listen; also PORT (default: 8080)").argParser(port),
    new Option("--host <name>", "also HOST (default: 127.0.0.1)"),
  ];
}

export function addressOf(options: AddressOptions, configured: Address): Address {
  const { PORT, HOST } = process.env;
  return {
    port: options.port ?? (PORT ? portOf(PORT) : configured.port),
    host: options.host ?? (HOST || configured.host),
  };
}

function portOf(text: string): number {
  try {
    return port(text);
  } catch (cause) {
    throw new UsageError(`PORT=${text}: expected an integer from 0 to 65535.`, { cause });
  }
}

/**
 * Resolves with the port: a free one where any will do. Rejects with `invalid_config` where the address cannot be had:
 * to be told before minutes of work, not after.
 */
export async function checkAddress({ host, port }: Address): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port, exclusive: true }, resolve);
    });
    return (server.address() as AddressInfo).port;
  } catch (cause) {
    throw new UpnextError("invalid_config", `${host}:${port}: ${reasonOf(cause, port)}`, { cause });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function reasonOf(cause: unknown, port: number): string {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown reason";
  const another = `PORT=${port < 65_000 ? port + 1 : port - 1}`;
  if (code === "EADDRINUSE") {
    return `expected a free port, another program listens there. Take another with ${another}, or end that program.`;
  }
  if (code === "EACCES")
    return `expected a port that this user may listen on, got ${code}. Take another with PORT=8080.`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return `expected an address of this machine, got ${code}. Set HOST=127.0.0.1, or HOST=0.0.0.0 for all of them.`;
  }
  return `expected an address to listen on, got ${code}. Set HOST or PORT.`;
}
