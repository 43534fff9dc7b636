/**
 * A disk whose power can be cut: ext4 on a loop device. What the file system has not flushed is in memory alone, so a
 * copy of the backing file is what a disk would hold if the power went at that moment.
 *
 * The writer is stopped first (SIGSTOP), and the copy counts only where the device took no write meanwhile: it is of
 * one moment then. Mounting the copy replays the journal, as the next boot would. What this cannot show is a disk that
 * loses what it has acknowledged, or that reorders writes between two flushes.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Room for a journal of 4 MB and some runs of a writer; sparse, so that copying costs what is in use. */
const BYTES = 256 * 1024 * 1024;
const COPIES = 200;

/** Why no disk can be made here; undefined where one can. */
export function whyNoLoopDisk(): string | undefined {
  if (process.platform !== "linux") return `it needs Linux, and this is ${process.platform}`;
  if (process.getuid?.() !== 0) return "it mounts file systems, so it has to run as root";
  if (!existsSync("/dev/loop-control")) return "there are no loop devices here (/dev/loop-control)";
  for (const tool of ["mkfs.ext4", "losetup", "mount", "umount"]) {
    if (spawnSync("sh", ["-c", `command -v ${tool}`]).status !== 0) return `${tool} is not on the PATH`;
  }
  return undefined;
}

export class LoopDisk {
  /** Where it is mounted. */
  readonly path: string;
  private readonly image: string;
  private device: string | undefined;
  private readonly atExit = () => this.detach();

  private constructor(folder: string) {
    this.path = join(folder, "mount");
    this.image = join(folder, "disk.img");
  }

  /** A new, empty, mounted disk in `folder`. It is taken down with the process, however that ends but by SIGKILL. */
  static async make(folder: string): Promise<LoopDisk> {
    const disk = new LoopDisk(folder);
    await mkdir(disk.path, { recursive: true });
    process.prependListener("exit", disk.atExit); // before whoever removes the folder
    const file = await open(disk.image, "w");
    await file.truncate(BYTES);
    await file.close();
    command("mkfs.ext4", "-q", "-F", disk.image);
    disk.attach();
    return disk;
  }

  /** Cuts the power: `writer` is stopped, `kill` has to end it, and what the disk then holds is mounted again. */
  async cut(writer: number, kill: () => Promise<void>): Promise<void> {
    stop(writer);
    const copy = `${this.image}.copy`;
    try {
      await this.copyOfOneMoment(copy);
    } finally {
      await kill(); // stopped as it is: what it said afterwards would be taken for an acknowledgement
    }
    this.detach();
    await rename(copy, this.image);
    this.attach();
  }

  async remove(): Promise<void> {
    this.detach();
    process.off("exit", this.atExit);
    await rm(this.image, { force: true });
  }

  private async copyOfOneMoment(copy: string): Promise<void> {
    for (let attempt = 0; attempt < COPIES; attempt++) {
      const before = await this.writes();
      command("cp", "--sparse=auto", this.image, copy);
      const after = await this.writes();
      if (before.inFlight === 0 && after.inFlight === 0 && before.done === after.done) return;
      await sleep(1);
    }
    throw new Error(`${this.image}: the disk did not come to rest while its writer was stopped`);
  }

  /** Documentation/block/stat.rst: writes done is the fifth field, requests in flight the ninth. */
  private async writes(): Promise<{ readonly done: number; readonly inFlight: number }> {
    const text = await readFile(`/sys/block/${basename(this.device!)}/stat`, "utf8");
    const fields = text.trim().split(/\s+/).map(Number);
    return { done: fields[4]!, inFlight: fields[8]! };
  }

  private attach(): void {
    const device = command("losetup", "--find", "--show", this.image);
    this.device = device;
    // Without ext4's own guess that a file which replaces another is wanted: no other file system makes it.
    command("mount", "-t", "ext4", "-o", "noauto_da_alloc", device, this.path);
  }

  /** Also where half of it is there. */
  private detach(): void {
    if (this.device === undefined) return;
    const busy = spawnSync("umount", [this.path]).status !== 0;
    if (busy) spawnSync("umount", ["--lazy", this.path]);
    spawnSync("losetup", ["--detach", this.device]);
    this.device = undefined;
  }
}

/** A writer that has ended by itself writes no more either. */
function stop(pid: number): void {
  try {
    process.kill(pid, "SIGSTOP");
  } catch (error) {
    if (Object(error).code !== "ESRCH") throw error;
  }
}

function command(name: string, ...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(name, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name} ${args.join(" ")}: ${error?.message ?? stderr}`);
  return stdout.trim();
}
