/** Progress where the output is no terminal: a line when a step begins, now and then while it runs, and at its end. */
import type { Clock } from "../core/index.ts";
import { amount, duration } from "./amounts.ts";
import { type TerminalProgress, VISIBLE_AFTER_MS } from "./terminal-progress.ts";

/** Often enough to see that it lives, rare enough for a log. */
const EVERY_MS = 5_000;

interface Step {
  readonly name: string;
  readonly total: number | undefined;
  readonly unit: string;
  readonly begin: number;
  readonly timer: NodeJS.Timeout;
  /** When the last line was written, undefined before the first. */
  said?: number;
}

export function progressLines(write: (line: string) => void, clock: Clock): TerminalProgress {
  let step: Step | undefined;
  let done = 0;

  function announce(): void {
    if (step === undefined || step.said !== undefined) return;
    const { name, total, unit } = step;
    step.said = clock.monotonic();
    write(total === undefined ? `${name} …` : `${name} … ${amount(total, undefined, unit)}`);
  }

  function end(): void {
    if (step === undefined) return;
    const { name, total, unit, begin, said } = step;
    stop();
    const elapsed = clock.monotonic() - begin;
    if (said === undefined && elapsed < VISIBLE_AFTER_MS) return;
    // The last update may have come some way before the end.
    const all = total ?? done;
    const made = all > 0 ? `${amount(all, undefined, unit)}, ` : "";
    write(`${name}: done, ${made}${duration(elapsed)}`);
  }

  function stop(): void {
    clearTimeout(step?.timer);
    step = undefined;
  }

  return {
    step(name, total, unit = "") {
      end();
      done = 0;
      const timer = setTimeout(announce, VISIBLE_AFTER_MS);
      timer.unref();
      step = { name, total, unit, begin: clock.monotonic(), timer };
    },
    update(value) {
      done = value;
      if (step === undefined) return;
      const now = clock.monotonic();
      // The timer does not come while a step keeps the event loop.
      if (now - step.begin >= VISIBLE_AFTER_MS) announce();
      if (step.said === undefined || now - step.said < EVERY_MS) return;
      step.said = now;
      const { name, total, unit, begin } = step;
      write(`${name}: ${amount(done, total, unit)}, ${duration(now - begin)}`);
    },
    note: write,
    end,
    stop,
  };
}
