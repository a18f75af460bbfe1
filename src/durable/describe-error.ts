/** The innermost cause of an error: its type (a code of `src/errors.ts`, or the name of whatever it was) and message. Sandbox-safe. */
export function describeError(error: unknown): { type: string; message: string } {
  if (!(error instanceof Error)) return { type: 'unknown', message: String(error) };
  let cause = error;
  while (cause.cause instanceof Error) cause = cause.cause;
  const type = 'type' in cause && typeof cause.type === 'string' && cause.type !== '' ? cause.type : cause.name;
  return { type, message: cause.message.split('\n')[0] ?? '' };
}
