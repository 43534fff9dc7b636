/** A binary heap by time; entries of one time come out in the order they went in, so that the result is reproducible. */
export class TimeQueue<T> {
  private readonly times: number[] = [];
  private readonly serials: number[] = [];
  private readonly values: T[] = [];
  private serial = 0;

  get size(): number {
    return this.values.length;
  }

  /** Time of the first entry; Infinity when empty. */
  get next(): number {
    return this.values.length === 0 ? Number.POSITIVE_INFINITY : this.times[0]!;
  }

  push(time: number, value: T): void {
    const serial = this.serial++;
    let at = this.values.length;
    this.put(at, time, serial, value);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(time, serial, parent)) break;
      this.put(at, this.times[parent]!, this.serials[parent]!, this.values[parent]!);
      at = parent;
    }
    this.put(at, time, serial, value);
  }

  /** Removes the first entry; undefined when empty. */
  pop(): T | undefined {
    const first = this.values[0];
    const time = this.times.pop();
    const serial = this.serials.pop();
    const value = this.values.pop();
    const size = this.values.length;
    if (size === 0 || time === undefined || serial === undefined) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.before(this.times[child + 1]!, this.serials[child + 1]!, child)) child++;
      if (this.before(time, serial, child)) break;
      this.put(at, this.times[child]!, this.serials[child]!, this.values[child]!);
      at = child;
    }
    this.put(at, time, serial, value as T);
    return first;
  }

  private put(at: number, time: number, serial: number, value: T): void {
    this.times[at] = time;
    this.serials[at] = serial;
    this.values[at] = value;
  }

  private before(time: number, serial: number, other: number): boolean {
    return time < this.times[other]! || (time === this.times[other]! && serial < this.serials[other]!);
  }
}
