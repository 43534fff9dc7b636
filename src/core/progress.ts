/** Long work reports through this; the command line draws bars, the library stays silent. */
export interface Progress {
  /** Begins a step, ending the one before. `total` in `unit`s, or undefined where it is not known. */
  step(name: string, total?: number, unit?: string): void;
  /** Absolute progress within the step. */
  update(done: number): void;
  /** A line of text beside the bars. */
  note(text: string): void;
}

export const silent: Progress = { step() {}, update() {}, note() {} };
