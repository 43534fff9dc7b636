/**
 * Every error code of the system, once. The key is the code that clients see, `status` the HTTP answer it maps to,
 * `about` the sentence that docs/errors.md must have a section for (a test compares).
 *
 * A message says where, what was expected, what came, and the cure; never a user's id or history.
 */
export const ERRORS = {
  // input at the border
  invalid_event: { status: 400, about: "An event does not have the shape or the range that its type needs." },
  invalid_request: {
    status: 400,
    about: "A request's parameter is missing, of the wrong type or out of range.",
  },
  malformed_json: { status: 400, about: "The body is not JSON." },
  body_too_large: { status: 413, about: "The body is larger than the server accepts." },
  batch_too_large: { status: 413, about: "The batch holds more events than one request may carry." },
  unsupported_media_type: { status: 415, about: "The body's content type is not application/json." },
  unauthorized: { status: 401, about: "The API key is missing or not known." },
  forbidden: {
    status: 403,
    about: "The API key is known, but does not have the scope that the route needs.",
  },
  not_found: { status: 404, about: "There is no such route." },
  method_not_allowed: { status: 405, about: "The route exists, but not for this method." },
  request_timeout: { status: 408, about: "The request did not arrive completely in time." },
  headers_too_large: {
    status: 431,
    about: "The request line and the headers together are larger than the server accepts.",
  },
  overloaded: {
    status: 503,
    about: "More requests come in than can be answered in time; this one was not worked on.",
  },
  unknown_item: { status: 404, about: "The catalog has no item with this id." },
  unknown_request: { status: 404, about: "The log has no impression with this request id." },
  // log and stores
  log_locked: { status: 503, about: "Another process is writing to this log." },
  log_corrupt: { status: 503, about: "A segment of the log fails its checksum before its tail." },
  log_unavailable: { status: 503, about: "The log cannot make events durable (disk full, I/O error)." },
  log_busy: {
    status: 503,
    about: "More events wait to become durable than the log may hold in memory.",
  },
  log_closed: { status: 503, about: "The log was closed." },
  offset_ahead: {
    status: 409,
    about: "The request asks to reflect an offset that this log has not reached.",
  },
  store_unavailable: { status: 503, about: "The state store cannot be read or written." },
  store_lost: { status: 503, about: "The state store no longer holds what was written to it." },
  snapshot_corrupt: {
    status: 503,
    about: "A snapshot is cut off, damaged, or of another version, and the log cannot do without it.",
  },
  backup_corrupt: {
    status: 400,
    about: "A backup is incomplete, damaged, or no backup at all.",
  },
  migration_failed: {
    status: 500,
    about: "The copy of the user states does not equal what it was copied from.",
  },
  // data sets
  data_not_found: { status: 400, about: "The path of the data does not exist or cannot be read." },
  unknown_format: { status: 400, about: "The format of the data could not be detected." },
  invalid_columns: { status: 400, about: "The column mapping names a column that the file does not have." },
  too_many_bad_rows: { status: 400, about: "More rows of the import are bad than --max-bad allows." },
  empty_data: { status: 400, about: "The data holds no usable row." },
  // training, bundles
  not_enough_data: { status: 409, about: "The log holds too little to train or to evaluate on." },
  training_failed: { status: 500, about: "Training did not reach finite weights." },
  checkpoint_corrupt: {
    status: 500,
    about: "A checkpoint of a training is cut off, damaged or no checkpoint at all.",
  },
  checkpoint_incompatible: {
    status: 500,
    about: "A checkpoint was written by another version, or with another model or other settings.",
  },
  no_bundle: { status: 409, about: "There is no trained bundle yet." },
  bundle_corrupt: { status: 500, about: "A file of the bundle is missing or does not match its hash." },
  bundle_incompatible: {
    status: 500,
    about: "The bundle was made by another version or with other features.",
  },
  bundle_item_map_mismatch: { status: 500, about: "The bundle's item rows are not the catalog's." },
  bundle_golden_mismatch: { status: 500, about: "The bundle does not reproduce its golden scores." },
  bundle_wrong_dimension: {
    status: 500,
    about:
      "The bundle's ranker does not take the columns of its features, or gives other heads than it names.",
  },
  bundle_not_finite: { status: 500, about: "The bundle's ranker gives NaN or infinities." },
  bundle_fails: { status: 500, about: "A source or the ranker of the bundle fails on recent requests." },
  bundle_constant_scores: {
    status: 500,
    about: "The bundle's ranker gives all candidates of a request one score.",
  },
  bundle_too_slow: {
    status: 500,
    about: "The bundle takes longer than the objective, or many times as long as the current one.",
  },
  bundle_worse: { status: 500, about: "The bundle ranks worse than the current one, by more than noise." },
  // experiments
  unknown_experiment: { status: 404, about: "There is no experiment of this name." },
  experiment_conflict: {
    status: 409,
    about: "An experiment cannot start beside those that there are, or cannot be stopped a second time.",
  },
  experiments_corrupt: { status: 500, about: "The file of experiments is not what was written." },
  // the rest
  invalid_config: { status: 500, about: "The configuration has a key or a value that is not allowed." },
  read_only: { status: 409, about: "This instance was opened read-only." },
  closed: { status: 503, about: "The instance was closed." },
  internal: { status: 500, about: "A bug. The log line with the same request id has the cause." },
} as const satisfies Record<string, { readonly status: number; readonly about: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** The one error class that crosses a folder's door. */
export class UpnextError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "UpnextError";
    this.code = code;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

/** An ordinary failure as a value. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: Problem };
