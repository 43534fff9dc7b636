/** Progress on a terminal: a bar for each step that is not over at once, and a line of it when it is done. */
import { type GenericFormatter, SingleBar } from "cli-progress";
import type { Clock } from "../core/index.ts";
import { amount, duration } from "./amounts.ts";
import { type TerminalProgress, VISIBLE_AFTER_MS } from "./terminal-progress.ts";

const WIDTH = 28;

interface Step {
  readonly name: string;
  readonly total: number | undefined;
  readonly unit: string;
  readonly begin: number;
  readonly timer: NodeJS.Timeout;
  bar?: SingleBar;
}

export function progressBars(stream: NodeJS.WriteStream, clock: Clock): TerminalProgress {
  let step: Step | undefined;
  let done = 0;

  function show(): void {
    if (step === undefined || step.bar !== undefined) return;
    clearTimeout(step.timer);
    step.bar = new SingleBar({
      stream,
      format: formatter(step, clock),
      hideCursor: true,
      clearOnComplete: true,
      fps: 8,
      // Training blocks the event loop for moments: the bar is then drawn by the update after it.
      synchronousUpdate: true,
      gracefulExit: false,
    });
    step.bar.start(step.total ?? 0, done);
  }

  function hide(): void {
    step?.bar?.stop();
    if (step !== undefined) delete step.bar;
  }

  function end(): void {
    if (step === undefined) return;
    const { name, total, unit, begin } = step;
    const shown = step.bar !== undefined;
    stop();
    const elapsed = clock.monotonic() - begin;
    if (!shown && elapsed < VISIBLE_AFTER_MS) return;
    // The last update may have come some way before the end.
    const all = total ?? done;
    const made = all > 0 ? `  ${amount(all, undefined, unit)}` : "";
    stream.write(`${name}${made}  ${duration(elapsed)}\n`);
  }

  function stop(): void {
    clearTimeout(step?.timer);
    hide();
    step = undefined;
  }

  return {
    step(name, total, unit = "") {
      end();
      done = 0;
      const timer = setTimeout(show, VISIBLE_AFTER_MS);
      timer.unref();
      step = { name, total, unit, begin: clock.monotonic(), timer };
    },
    update(value) {
      done = value;
      if (step === undefined) return;
      // The timer does not come while a step keeps the event loop.
      if (step.bar === undefined && clock.monotonic() - step.begin >= VISIBLE_AFTER_MS) show();
      step.bar?.update(value);
    },
    note(text) {
      const shown = step?.bar !== undefined;
      hide();
      stream.write(`${text}\n`);
      if (shown) show();
    },
    end,
    stop,
  };
}

/** `train the ranker  ████████░░░░  1,200 of 5,000 lists  4.2 s, 12.1 s left` */
function formatter(step: Step, clock: Clock): GenericFormatter {
  return (_options, params) => {
    const elapsed = clock.monotonic() - step.begin;
    const parts = [step.name];
    if (step.total !== undefined && step.total > 0) {
      const filled = Math.round(WIDTH * Math.min(1, Math.max(0, params.progress)));
      parts.push("█".repeat(filled) + "░".repeat(WIDTH - filled));
    }
    if (step.total !== undefined || params.value > 0) parts.push(amount(params.value, step.total, step.unit));
    parts.push(duration(elapsed) + remaining(elapsed, params.value, step.total));
    return parts.join("  ");
  };
}

/** A straight line through what was done; nothing as long as that says nothing. */
function remaining(elapsed: number, done: number, total: number | undefined): string {
  if (total === undefined || done <= 0 || done >= total || elapsed < 1000) return "";
  return `, ${duration(Math.max(1000, (elapsed * (total - done)) / done))} left`;
}
