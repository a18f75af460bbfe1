import { ERRORS, MillraceError, type ErrorCode } from '../errors.js';

/** How a function has failed, as it or the service around it says. */
export interface FunctionFailure {
  /** The name of the error that the function threw, or the service's: `Sandbox.Timedout`. */
  errorType: string;
  errorMessage: string;
  requestId?: string;
  /** The end of the function's own log. */
  logTail?: string;
}

/** Errors of the sandbox that are the deployed code's: they come back until it is deployed again. */
const BROKEN_CODE = new Set(['Runtime.ImportModuleError', 'Runtime.HandlerNotFound', 'Runtime.UserCodeSyntaxError', 'Runtime.MalformedHandlerName', 'Runtime.InvalidEntrypoint']);

/**
 * A function that throws an error named as one of our codes fails the step with that code. All else is `FUNCTION_CRASHED` where the
 * sandbox ended under it, or `FUNCTION_FAILED` with the function's own error type.
 */
export function functionFailure(description: string, failure: FunctionFailure, cause?: unknown): MillraceError {
  const { errorType, errorMessage, requestId, logTail } = failure;
  const details = { function: description, errorType, ...(requestId === undefined ? {} : { requestId }), ...(logTail ? { logTail } : {}) };
  if (isErrorCode(errorType)) return new MillraceError(errorType, errorMessage, { cause, details });
  const code: ErrorCode = isCrash(errorType) ? 'FUNCTION_CRASHED' : 'FUNCTION_FAILED';
  const invocation = requestId === undefined ? '' : ` (request ${requestId})`;
  return new MillraceError(code, `${description} failed${invocation} with ${errorType}: ${errorMessage}`, { cause, details });
}

function isErrorCode(type: string): type is ErrorCode {
  return Object.hasOwn(ERRORS, type);
}

function isCrash(type: string): boolean {
  return /^(Runtime|Sandbox|Extension)\./.test(type) && !BROKEN_CODE.has(type);
}
