/** A wait that can be cut short. Nobody's process stays alive for it. */
export class Pause {
  private wake: (() => void) | undefined;
  private closed = false;

  /** Resolves after `ms`, or when it is ended before. One at a time. */
  async take(ms: number): Promise<void> {
    if (this.closed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms).unref();
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.wake = undefined;
  }

  /** Ends the pause that is being taken, if one is. */
  end(): void {
    this.wake?.();
  }

  /** Ends this one and every later one at once. */
  close(): void {
    this.closed = true;
    this.end();
  }
}
