/** A view needs a user: the one of the address, else the one who came last. */
import { useEffect } from "preact/hooks";
import { api } from "./api.ts";
import { go, hrefOf, type Place, type View } from "./router.tsx";

/** Of a system in which nobody was yet. */
const NOBODY = "guest";

/** @param query of the address; all of it stays but the user */
export function useAnyUser(view: View, query: Place["query"]): string | undefined {
  const user = query["user"];
  useEffect(() => {
    if (user !== undefined) return;
    const show = (found: string) => go(hrefOf(view, { ...query, user: found }), true);
    api.users(1).then(
      ({ users: [newest] }) => show(newest?.user ?? NOBODY),
      () => show(NOBODY),
    );
  }, [view, user]);
  return user;
}
