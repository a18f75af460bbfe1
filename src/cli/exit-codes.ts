/** What the command tells its caller. docs/cli.md documents each (a test compares the two). */
export const EXIT_CODES = {
  OK: 0,
  /** The run did not complete, or a check found something wrong. */
  FAILED: 1,
  USAGE: 2,
  NOT_FOUND: 3,
  TEMPORAL_UNREACHABLE: 4,
  /** A connection is missing or malformed, or what is behind it does not answer or refuses. */
  CONNECTION: 5,
  /** The run is there already and still open, or is not in a state for what was asked. */
  CONFLICT: 6,
  /** No worker has answered for the run. */
  NO_ANSWER: 7,
  /** A fault of Millrace. */
  INTERNAL: 70,
  INTERRUPTED: 130,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];
