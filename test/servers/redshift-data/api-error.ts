/** An error of the service as its client sees it: the client builds the exception from `__type`. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly type: string;
  readonly status: number;
  readonly more: Readonly<Record<string, unknown>>;

  constructor(type: string, message: string, status = 400, more: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.type = type;
    this.status = status;
    this.more = more;
  }
}

export const validation = (message: string): ApiError => new ApiError('ValidationException', message);

export function notFound(id: string): ApiError {
  return new ApiError('ResourceNotFoundException', 'Query does not exist.', 400, { ResourceId: id });
}

export function throttled(): ApiError {
  return new ApiError('ThrottlingException', 'Rate exceeded');
}

/** What ends a statement as FAILED: the text that DescribeStatement shows behind `ERROR: `. */
export class StatementError extends Error {
  override readonly name = 'StatementError';
}
