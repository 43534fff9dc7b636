/** A file of this folder in a process of its own: it answers each message with another one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

/** What the file of `Child.start` calls: `answer` is asked with each message until the parent lets go. */
export function serveParent<Question, Answer>(answer: (question: Question) => Promise<Answer>): void {
  process.on("disconnect", () => process.exit());
  process.on("message", async (question) => {
    process.send!(await answer(question as Question)); // whoever starts the file asks what it answers
  });
}

export class Child<Question extends object, Answer extends object> {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** @param file exports `serve`, which calls serveParent */
  static start<Question extends object, Answer extends object>(file: string): Child<Question, Answer> {
    const script = `
      import { createJiti } from ${JSON.stringify(import.meta.resolve("jiti"))};
      const jiti = createJiti(${JSON.stringify(import.meta.url)});
      const { serve } = await jiti.import(${JSON.stringify(join(import.meta.dirname, file))});
      serve();
    `;
    return new Child(
      spawn(process.execPath, ["--input-type=module", "--eval", script], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      }),
    );
  }

  async ask(question: Question): Promise<Answer> {
    const { child } = this;
    const over = new AbortController();
    const { signal } = over;
    const answered = once(child, "message", { signal });
    const ended = once(child, "exit", { signal });
    for (const each of [answered, ended]) each.catch(() => {});
    child.send(question);
    const [answer] = await Promise.race([answered, ended]);
    over.abort();
    if (typeof answer !== "object") throw new Error("bench: a process has ended, see its message");
    return answer as Answer;
  }

  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, "exit");
    if (this.child.connected) this.child.disconnect();
    await ended;
  }
}
