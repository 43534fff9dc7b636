/** The processes of a measurement under load, as their parent has them. */
import { Child } from "../state/child.ts";
import type { Load, LoadReport, Traffic } from "./generator.ts";
import { get } from "./requests.ts";
import type { Stall } from "./stalling-server.ts";

export type LoadGenerator = Child<Load, LoadReport>;

export function startGenerator(): LoadGenerator {
  return Child.start("../load/generator.ts");
}

export interface BareServer {
  readonly port: number;
  readonly pid: number;
  close(): Promise<void>;
}

/** node:http and nothing else; it stands still where that is wanted. */
export async function startBareServer(stall: Stall): Promise<BareServer> {
  const child: Child<Stall, { readonly port: number; readonly pid: number }> = Child.start(
    "../load/stalling-server.ts",
  );
  const { port, pid } = await child.ask(stall);
  return { port, pid, close: () => child.close() };
}

/** What is not said otherwise: recommendations have to be there within 50 ms, and nobody waits for 10 s. */
export function loadOf(port: number, rate: number, seconds: number, rest: Partial<Load> = {}): Load {
  return {
    host: "127.0.0.1",
    port,
    rate,
    seconds,
    warmup: 0,
    seed: "load",
    objective: 50,
    patience: 10_000,
    traffic: ROOT,
    ...rest,
  };
}

const ROOT: readonly Traffic[] = [{ name: "/", share: 1, requests: [get("/")] }];
