import { ServiceError, isGrpcServiceError } from '@temporalio/client';
import { isMillraceError, type ErrorCode } from '../errors.js';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';

/** An error as people read it: what happened, and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError';

  constructor(
    readonly exitCode: ExitCode,
    message: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

export const usageError = (message: string, remedy: string): CliError => new CliError(EXIT_CODES.USAGE, message, remedy);
export const notFound = (message: string, remedy: string): CliError => new CliError(EXIT_CODES.NOT_FOUND, message, remedy);

/** Whatever a verb has thrown, with an exit code and a remedy. */
export function toCliError(error: unknown, temporal: string | undefined): CliError {
  if (error instanceof CliError) return error;
  if (isMillraceError(error)) return new CliError(exitCodeOf(error.code), error.message, remedyOf(error.code), { cause: error });
  const grpc = grpcCause(error);
  if (grpc !== undefined) return temporalError(grpc, temporal ?? 'the Temporal server', error);
  return new CliError(EXIT_CODES.INTERNAL, messageOf(error), 'this is a fault of Millrace; --debug shows where', { cause: error });
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function exitCodeOf(code: ErrorCode): ExitCode {
  if (code === 'BAD_PARAMS' || code === 'WAREHOUSE_REJECTED') return EXIT_CODES.USAGE;
  return code === 'OBJECT_MISSING' || code === 'SOURCE_MISSING' ? EXIT_CODES.NOT_FOUND : EXIT_CODES.CONNECTION;
}

function remedyOf(code: ErrorCode): string {
  if (code === 'BAD_PARAMS') return 'see --help';
  return code === 'WAREHOUSE_REJECTED' ? 'correct the statement' : 'see millrace connections check';
}

const UNAUTHENTICATED = 16;
const PERMISSION_DENIED = 7;
const NOT_FOUND = 5;

interface GrpcProblem {
  code: number;
  details: string;
}

function grpcCause(error: unknown): GrpcProblem | undefined {
  const candidate = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(candidate) ? { code: candidate.code, details: candidate.details } : undefined;
}

function temporalError({ code, details }: GrpcProblem, temporal: string, cause: unknown): CliError {
  const what = `Temporal at ${temporal} answered: ${details.split('\n')[0]}`;
  if (code === UNAUTHENTICATED || code === PERMISSION_DENIED) {
    return new CliError(EXIT_CODES.TEMPORAL_UNREACHABLE, what, 'correct TEMPORAL_API_KEY or the TLS settings', { cause });
  }
  if (code === NOT_FOUND && /namespace/i.test(details)) {
    return new CliError(EXIT_CODES.TEMPORAL_UNREACHABLE, what, 'set TEMPORAL_NAMESPACE to one that exists', { cause });
  }
  if (code === NOT_FOUND) return new CliError(EXIT_CODES.NOT_FOUND, what, 'see millrace runs', { cause });
  return new CliError(EXIT_CODES.TEMPORAL_UNREACHABLE, what, 'look at the server; millrace doctor says more', { cause });
}
