/** Who the newest slates were for, what they held, and which sources had found it. */
import { api, type Slates } from "../api.ts";
import { count, percent, plural, words } from "../format.ts";
import { useLoad } from "../use-load.ts";
import { Failure, Note, Waiting } from "./states.tsx";
import { TableHead } from "./table-head.tsx";

export function Segments() {
  const { value, error, reload } = useLoad(() => api.slates(), []);
  if (error !== undefined) return <Failure error={error} retry={reload} />;
  if (value === undefined) return <Waiting what="Reading the newest slates" />;
  if (value.slates === 0)
    return <Note title="No slate was logged lately">Ask for a feed, and it is counted here.</Note>;
  const { users, items, slots } = value;
  return (
    <div class="segments">
      <p class="lead">
        {plural(value.slates, "slate")} among the newest 20,000 events, with {count(slots)} slots. What is
        known of users and items is as of now: who was new an hour ago may not be new any more.
      </p>
      <section class="panel scroll">
        <h2>By what is known of the user</h2>
        <table class="figures">
          <TableHead titles={["Touches in the state", "Users", "Slates", "Slots", "Taken"]} />
          <tbody>
            {users.map((group, i) => (
              <tr key={group.touches}>
                <th scope="row">{rangeText(users[i - 1]?.touches ?? -1, group.touches)}</th>
                <td>{count(group.users)}</td>
                <td>{count(group.slates)}</td>
                <td>{count(group.slots)}</td>
                <td>{shareText(group.taken, group.slots)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section class="panel scroll">
        <h2>By what is known of the video</h2>
        <table class="figures">
          <TableHead titles={["Engagements so far", "Videos", "Slots", "Of all slots", "Taken"]} />
          <tbody>
            {items.map((group, i) => (
              <tr key={group.engagements}>
                <th scope="row">{rangeText(items[i - 1]?.engagements ?? -1, group.engagements)}</th>
                <td>{count(group.items)}</td>
                <td>{count(group.slots)}</td>
                <td>{shareText(group.slots, slots)}</td>
                <td>{shareText(group.taken, group.slots)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section class="panel scroll">
        <h2>
          By who found it <small>alone: no other source had found it</small>
        </h2>
        <Finders slates={value} />
      </section>
    </div>
  );
}

/** Who found one item in the newest slates. */
export function ItemFinders({ item }: { readonly item: string }) {
  const { value } = useLoad(() => api.slates(item), [item]);
  if (value === undefined) return null;
  return (
    <section class="scroll">
      <h3>Who found it</h3>
      {value.finders.length === 0 ? (
        <p class="soft">It was in none of the newest slates.</p>
      ) : (
        <Finders slates={value} />
      )}
    </section>
  );
}

function Finders({ slates: { finders } }: { readonly slates: Slates }) {
  return (
    <table class="figures">
      <TableHead titles={["Source", "Slots", "Alone", "Taken"]} />
      <tbody>
        {finders.map(({ source, slots, alone, taken }) => (
          <tr key={source}>
            <th scope="row">{words(source)}</th>
            <td>{count(slots)}</td>
            <td>{shareText(alone, slots)}</td>
            <td>{shareText(taken, slots)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function rangeText(before: number, end: number | null): string {
  if (end === null) return `${before + 1} and more`;
  if (end === 0) return "none";
  return `${before + 1} to ${end}`;
}

function shareText(part: number, whole: number): string {
  return whole === 0 ? "–" : percent(part / whole, 1);
}
