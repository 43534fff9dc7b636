/** Something that is asked of the server, and how it went. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";

export interface Loaded<T> {
  /** The newest answer; that of before while the next one is under way. */
  readonly value: T | undefined;
  readonly error: Error | undefined;
  readonly loading: boolean;
  readonly reload: () => void;
}

/** @param keys what the question depends on: it is asked again where one of them changes */
export function useLoad<T>(ask: () => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload">>({
    value: undefined,
    error: undefined,
    loading: true,
  });
  const newest = useRef(0);
  const load = useCallback(() => {
    const own = ++newest.current;
    setState((before) => ({ ...before, loading: true }));
    ask().then(
      (value) => own === newest.current && setState({ value, error: undefined, loading: false }),
      (error) => own === newest.current && setState((before) => ({ ...before, error, loading: false })),
    );
  }, keys);
  useEffect(load, [load]);
  return { ...state, reload: load };
}
