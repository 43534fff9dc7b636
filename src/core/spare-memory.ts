/**
 * Memory that one request uses after the other. Large arrays lie outside of V8's heap, and once some megabytes of new
 * ones have come, V8 searches the whole heap for garbage: a request over 100,000 items made 660 kB of them, and every
 * 35th waited for such a search.
 */

/** Buffers are multiples of it, so that what grows with the catalog fits into the one before. */
const STEP = 64 * 1024;
/** More are left to the garbage collector: what many requests at a time needed is not kept for ever. */
const MOST = 16;

export class SpareMemory {
  private readonly spare: ArrayBuffer[] = [];

  /** `bytes` at least, with whatever is in them: the smallest spare buffer that is large enough, or a new one. */
  take(bytes: number): ArrayBuffer {
    let best = -1;
    let size = Number.POSITIVE_INFINITY;
    for (let i = 0; i < this.spare.length; i++) {
      const { byteLength } = this.spare[i]!;
      if (byteLength >= bytes && byteLength < size) [best, size] = [i, byteLength];
    }
    if (best < 0) return new ArrayBuffer(Math.max(1, Math.ceil(bytes / STEP)) * STEP);
    const [found] = this.spare.splice(best, 1);
    return found!;
  }

  /** Memory of `take` that nobody reads any more; each once. */
  giveBack(memory: ArrayBuffer): void {
    if (this.spare.length < MOST) this.spare.push(memory);
  }
}
