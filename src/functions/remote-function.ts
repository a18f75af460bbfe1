/** What one invocation is given beside its payload. */
export interface InvokeOptions {
  /** Names the work, not the attempt: a function that has done it before answers with the first result. Goes with the payload as `idempotencyKey`. */
  idempotencyKey: string;
  /**
   * Ends the wait. A function of AWS cannot be stopped: it goes on to its end, and the next invocation with the same key finds what
   * it has done.
   */
  signal?: AbortSignal;
}

/**
 * A function that runs somewhere else, or in this process. Every adapter passes `test/contracts/remote-function.contract.ts`.
 *
 * Errors: when the function fails with an error whose name is one of our codes, that error; else `FUNCTION_FAILED` (it threw) or
 * `FUNCTION_CRASHED` (retryable: out of memory, out of time, its process ended). `FUNCTION_UNAVAILABLE`, `FUNCTION_THROTTLED` (both
 * retryable), `FUNCTION_MISSING`, `FUNCTION_FORBIDDEN`, `FUNCTION_REJECTED` (a payload above 6 MB, before the call).
 */
export interface RemoteFunction {
  /** `lambda://region/function`: for people, never with credentials. */
  readonly description: string;
  /** The function's answer, as JSON gives it. */
  invoke(payload: Readonly<Record<string, unknown>>, options: InvokeOptions): Promise<unknown>;
  /** One sentence when it can be invoked; else throws. Nothing is run. Used by `millrace connections check`. */
  check(): Promise<string>;
  close(): Promise<void>;
}
