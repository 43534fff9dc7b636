/**
 * How a command ends, by itself or by a signal: what it has opened is closed, the newest first, once.
 *
 * A signal interrupts work (exit code 128 + its number); a server takes it as the wish to stop (`untilSignal`). A
 * second signal ends the process at once.
 */
import { constants } from "node:os";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type StopSignal = (typeof SIGNALS)[number];

/** What is still open after this is left to the next start, which expects it. */
const PATIENCE_MS = 10_000;

export class Shutdown {
  /** The first signal that came. */
  signal: StopSignal | undefined;
  private closers: (() => unknown)[] = [];
  private waiting: ((signal: StopSignal) => void) | undefined;
  private readonly interrupted: (signal: StopSignal) => void;

  /** `interrupted` is called when a signal stops work, before anything is closed. */
  constructor(interrupted: (signal: StopSignal) => void) {
    this.interrupted = interrupted;
    for (const signal of SIGNALS) process.on(signal, this.receive);
  }

  /** `close` will be called when the command ends. */
  defer(close: () => unknown): void {
    this.closers.push(close);
  }

  /** Resolves with the first signal; afterwards the caller ends the command itself. */
  untilSignal(): Promise<StopSignal> {
    if (this.signal !== undefined) return Promise.resolve(this.signal);
    return new Promise((resolve) => {
      this.waiting = resolve;
    });
  }

  /** Takes the wish to stop from elsewhere: signals to this process mean another one, which passes them on. */
  follow(stopped: Promise<StopSignal>): void {
    this.release();
    for (const signal of SIGNALS) process.on(signal, () => {});
    void stopped.then(this.receive);
  }

  /** Closes everything. May be called twice. Rejects with what the first failing closer rejected with. */
  async close(): Promise<void> {
    let failure: { readonly error: unknown } | undefined;
    for (let close = this.closers.pop(); close !== undefined; close = this.closers.pop()) {
      try {
        await close();
      } catch (error) {
        failure ??= { error };
      }
    }
    if (failure !== undefined) throw failure.error;
  }

  /** Gives the signals back. */
  release(): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.receive);
  }

  private readonly receive = (signal: StopSignal): void => {
    const code = 128 + constants.signals[signal];
    if (this.signal !== undefined) process.exit(code);
    this.signal = signal;
    if (this.waiting !== undefined) {
      this.waiting(signal);
      return;
    }
    this.interrupted(signal);
    setTimeout(() => process.exit(code), PATIENCE_MS).unref();
    this.close().then(
      () => process.exit(code),
      () => process.exit(code),
    );
  };
}
