/** Who the feed is for: somebody who was here lately, any id, or somebody new. */
import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { Icon } from "./icon.tsx";

interface PickerProps {
  readonly user: string;
  readonly onPick: (user: string) => void;
}

export function UserPicker({ user, onPick }: PickerProps) {
  const [text, setText] = useState(user);
  const [recent, setRecent] = useState<readonly string[]>([]);
  useEffect(() => setText(user), [user]);
  useEffect(() => {
    api.users(50).then(
      ({ users }) => setRecent(users.map((each) => each.user)),
      // Any id can be typed all the same.
      () => {},
    );
  }, []);
  const pick = (next: string) => next !== "" && next !== user && onPick(next);
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    pick(text.trim());
  };
  const others = recent.filter((other) => other !== user);
  return (
    <form class="picker" onSubmit={submit} aria-label="Choose a user">
      <label>
        <span class="visually-hidden">User</span>
        <input
          list="recent-users"
          value={text}
          spellcheck={false}
          autocomplete="off"
          maxLength={256}
          onInput={(event) => setText(event.currentTarget.value)}
          onChange={(event) => recent.includes(event.currentTarget.value) && pick(event.currentTarget.value)}
        />
      </label>
      <datalist id="recent-users">
        {recent.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
      <button type="submit" class="button">
        Show
      </button>
      <button
        type="button"
        class="button"
        disabled={others.length === 0}
        onClick={() => pick(others[Math.floor(Math.random() * others.length)] ?? "")}
      >
        <Icon name="shuffle" />
        Someone else
      </button>
      <button type="button" class="button" onClick={() => pick(newUser())}>
        <Icon name="plus" />
        Someone new
      </button>
    </form>
  );
}

function newUser(): string {
  return `guest-${Math.random().toString(36).slice(2, 7)}`;
}
