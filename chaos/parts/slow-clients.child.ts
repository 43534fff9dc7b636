/** Clients that never finish a request, in a process of the lowest priority: elsewhere they would cost this machine nothing. */
import { connect, type Socket } from "node:net";
import { constants, setPriority } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

const BETWEEN_BYTES_MS = 500;
/** Opened in one go. */
const AT_ONCE = 100;

/**
 * Opens so many connections, each of which sends a byte now and then for `ms` once all are there, says `open` and how many
 * the server has kept, and closes all at once.
 */
export async function slowClients(port: string, connections: string, ms: string): Promise<void> {
  setPriority(constants.priority.PRIORITY_LOW);
  const sockets: Socket[] = [];
  for (let i = 0; i < Number(connections); i++) {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => {});
    socket.write("GET /v1/recommendations?user=u1 HTTP/1.1\r\nhost: slow\r\nx-slow: ");
    sockets.push(socket);
    if (i % AT_ONCE === 0) await sleep(1);
  }
  for (const end = performance.now() + Number(ms); performance.now() < end; await sleep(BETWEEN_BYTES_MS)) {
    for (const socket of sockets) if (socket.writable) socket.write("a");
  }
  const open = sockets.filter(({ readyState }) => readyState === "open").length;
  for (const socket of sockets) socket.destroy();
  process.stdout.write(`open ${open}\n`);
}
