/** What a view shows where it has nothing to show: why, and what to do about it. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { ApiError, setApiKey } from "../api.ts";

interface NoteProps {
  readonly title: string;
  readonly children?: ComponentChildren;
  /** A line to paste. */
  readonly line?: string;
}

export function Note({ title, children, line }: NoteProps) {
  return (
    <div class="note">
      <h2>{title}</h2>
      {children !== undefined && <p>{children}</p>}
      {line !== undefined && <code class="line">{line}</code>}
    </div>
  );
}

/** @param retry asks again */
export function Failure({ error, retry }: { readonly error: Error; readonly retry: () => void }) {
  const code = error instanceof ApiError ? error.code : "unknown";
  if (code === "unauthorized") return <KeyForm again={retry} />;
  return (
    <div class="note" role="alert">
      <h2>{code === "unreachable" ? "The server does not answer" : "That did not work"}</h2>
      <p>{error.message}</p>
      <button type="button" class="button" onClick={retry}>
        Try again
      </button>
    </div>
  );
}

function KeyForm({ again }: { readonly again: () => void }) {
  const [key, setKey] = useState("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    setApiKey(key.trim());
    again();
  };
  return (
    <form class="note" onSubmit={submit}>
      <h2>This server asks for an API key</h2>
      <p>It is kept in this tab alone and sent with every question to the server.</p>
      <div class="field-row">
        <input
          type="password"
          autocomplete="off"
          aria-label="API key"
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <button type="submit" class="button primary">
          Use it
        </button>
      </div>
    </form>
  );
}

export function Waiting({ what }: { readonly what: string }) {
  return <output class="waiting">{what} …</output>;
}
