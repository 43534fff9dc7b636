/** Thousands of clients that never finish a request, in a process of the lowest priority: elsewhere they would cost this machine nothing. */
import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { serveParent } from "../../bench/state/child.ts";

export interface SlowClients {
  readonly port: number;
  readonly connections: number;
  /** For how long each sends a byte now and then, once all are open. */
  readonly ms: number;
}

const BETWEEN_BYTES_MS = 500;
/** Opened in one go. */
const AT_ONCE = 100;

/** The process: a message opens the connections; the answer, when all are closed again, tells how many were open by then. */
export function serve(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  serveParent(async ({ port, connections, ms }: SlowClients) => {
    const sockets: Socket[] = [];
    for (let i = 0; i < connections; i++) {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.write("GET /v1/recommendations?user=u1 HTTP/1.1\r\nhost: slow\r\nx-slow: ");
      sockets.push(socket);
      if (i % AT_ONCE === 0) await sleep(1);
    }
    for (const end = performance.now() + ms; performance.now() < end; await sleep(BETWEEN_BYTES_MS)) {
      for (const socket of sockets) if (socket.writable) socket.write("a");
    }
    const open = sockets.filter(({ readyState }) => readyState === "open").length;
    for (const socket of sockets) socket.destroy();
    return { open };
  });
}
