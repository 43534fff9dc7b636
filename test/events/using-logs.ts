/** A log that is open for the length of a function, and closed however that ends. */
import { type FileLog, type FileLogOptions, openFileLog } from "../../src/events/index.ts";

/** @param usual options where a call gives none */
export function usingLogs(usual: FileLogOptions) {
  return async <T>(
    path: string,
    use: (log: FileLog) => Promise<T>,
    options: FileLogOptions = usual,
  ): Promise<T> => {
    const log = await openFileLog(path, options);
    try {
      return await use(log);
    } finally {
      await log.close();
    }
  };
}
