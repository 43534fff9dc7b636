/**
 * Whether something that has failed is asked again.
 *
 * After a few failures in a row nobody is made to wait for it any more. A probe in the background, and never somebody's
 * request, finds out when it answers again.
 */

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** From the end of one probe to the next, in milliseconds. */
  readonly probeMs: number;
  /** Asks once; true where the answer came in time. */
  readonly probe: () => Promise<boolean>;
}

export class CircuitBreaker {
  /** How often it has opened. */
  openings = 0;
  private readonly options: BreakerOptions;
  private failures = 0;
  private timer: NodeJS.Timeout | undefined;
  private isOpen = false;
  private stopped = false;

  constructor(options: BreakerOptions) {
    this.options = options;
  }

  /** Whether it is not to be asked. */
  get open(): boolean {
    return this.isOpen;
  }

  /** An answer came in time. */
  succeeded(): void {
    this.failures = 0;
    this.isOpen = false;
    clearTimeout(this.timer);
  }

  failed(): void {
    this.failures++;
    if (this.isOpen || this.failures < this.options.failures) return;
    this.isOpen = true;
    this.openings++;
    this.probeLater();
  }

  /** Ends the probing. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private probeLater(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => void this.probe(), this.options.probeMs).unref();
  }

  private async probe(): Promise<void> {
    const answered = await this.options.probe().catch(() => false);
    if (!this.isOpen) return;
    if (answered) this.succeeded();
    else this.probeLater();
  }
}
