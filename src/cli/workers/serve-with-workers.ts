/** The first process of `serve --workers`: starts the others and passes the signal to stop on to them. */
import type { Address } from "../address.ts";
import type { Context } from "../context.ts";
import { WorkerFailed, Workers } from "./primary.ts";
import type { WorkerRole } from "./worker.ts";

interface Options {
  readonly workers: number;
  /** The writer is another process, elsewhere on the machine. */
  readonly replica?: true;
}

export async function serveWithWorkers(
  { shutdown, say }: Context,
  { host, port }: Address,
  { workers: count, replica }: Options,
  ready: (url: string) => void,
): Promise<void> {
  const roles = Array.from(
    { length: count },
    (_, i): WorkerRole => (i > 0 || replica ? "replica" : "writer"),
  );
  const workers = new Workers({ roles, port, say });
  shutdown.defer(() => workers.stop(shutdown.signal ?? "SIGTERM"));
  try {
    await workers.start();
  } catch (error) {
    if (!(error instanceof WorkerFailed)) throw error;
    process.exitCode = error.exitCode;
    return;
  }
  const shown = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  ready(`http://${shown.includes(":") ? `[${shown}]` : shown}:${port}`);
  const signal = await shutdown.untilSignal();
  say(`${signal}: finishing requests under way, then closing`);
  await shutdown.close();
}
