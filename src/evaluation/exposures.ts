/** Exposures as columns: slots that users were shown, with what they did with them. */

export interface Exposures {
  /** (N) any number per user */
  readonly users: Int32Array;
  /** (N) any number per day */
  readonly days: Int32Array;
  /** [head] (N) 1 where the user did what the head predicts, else 0 */
  readonly labels: readonly ArrayLike<number>[];
}

/** Rows with users and users' days counted from 0. */
export interface GroupedRows {
  readonly rows: number;
  readonly users: number;
  /** (N) */
  readonly userOfRow: Int32Array;
  /** A group is a day of a user. */
  readonly groups: number;
  /** (N) */
  readonly groupOfRow: Int32Array;
  /** (groups) */
  readonly userOfGroup: Int32Array;
}

export function groupRows({ users, days }: Exposures): GroupedRows {
  const rows = users.length;
  const userOfRow = new Int32Array(rows);
  const groupOfRow = new Int32Array(rows);
  const userOfGroup: number[] = [];
  const known = new Map<number, { readonly user: number; readonly groups: Map<number, number> }>();
  for (let row = 0; row < rows; row++) {
    let entry = known.get(users[row]!);
    if (entry === undefined) {
      entry = { user: known.size, groups: new Map() };
      known.set(users[row]!, entry);
    }
    let group = entry.groups.get(days[row]!);
    if (group === undefined) {
      group = userOfGroup.length;
      userOfGroup.push(entry.user);
      entry.groups.set(days[row]!, group);
    }
    userOfRow[row] = entry.user;
    groupOfRow[row] = group;
  }
  return {
    rows,
    users: known.size,
    userOfRow,
    groups: userOfGroup.length,
    groupOfRow,
    userOfGroup: Int32Array.from(userOfGroup),
  };
}

/** Where the entries of each bucket begin, and the rows bucket by bucket. */
export interface Buckets {
  /** (buckets + 1) */
  readonly starts: Int32Array;
  /** (N) rows of bucket b at starts[b] .. starts[b + 1], in the order in which they came */
  readonly rows: Int32Array;
}

/**
 * A stable counting sort.
 *
 * @param order (N) rows
 * @param bucketOfRow (N)
 */
export function intoBuckets(order: Int32Array, bucketOfRow: Int32Array, buckets: number): Buckets {
  const starts = new Int32Array(buckets + 1);
  for (let row = 0; row < bucketOfRow.length; row++) starts[bucketOfRow[row]! + 1]!++;
  for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1]! += starts[bucket];
  const next = starts.slice(0, buckets);
  const rows = new Int32Array(order.length);
  for (let i = 0; i < order.length; i++) rows[next[bucketOfRow[order[i]!]!]!++] = order[i]!;
  return { starts, rows };
}
