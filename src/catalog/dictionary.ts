/** Names as small integers, in the order of their first mention. Code 0 is "none" and has the empty name. */
export class Dictionary {
  readonly names: string[] = [];
  private readonly codes = new Map<string, number>();

  /** @param names those of another dictionary, in its order */
  constructor(names: readonly string[] = [""]) {
    for (const name of names) this.codeOf(name);
  }

  /** Code of `name`, a new one where it was never seen. */
  codeOf(name: string): number {
    let code = this.codes.get(name);
    if (code === undefined) {
      code = this.names.length;
      this.names.push(name);
      this.codes.set(name, code);
    }
    return code;
  }
}
