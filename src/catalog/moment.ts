/**
 * The moment of the log that a catalog shows. Who looks at it in several goes, with the event loop between them, holds
 * it: what is durable takes effect once nobody does.
 */
export class Moment {
  private holders = 0;
  private waiting: (() => void)[] = [];

  /** Nothing takes effect before what it returns is called, once. Writes wait for that: hold it for milliseconds. */
  hold(): () => void {
    this.holders++;
    return () => {
      this.holders--;
      if (this.holders > 0) return;
      for (const go of this.waiting.splice(0)) go();
    };
  }

  get held(): boolean {
    return this.holders > 0;
  }

  /** Whether somebody waits for it to be released: then nobody new should hold it for longer than this turn. */
  get wanted(): boolean {
    return this.waiting.length > 0;
  }

  /** Resolves when the last one of those who hold it now is done; by then somebody else may hold it. */
  released(): Promise<void> {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
    });
  }
}
