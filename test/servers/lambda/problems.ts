/** An answer that is an error of the service, as its protocol has it. */
export class LambdaProblem extends Error {
  override readonly name = 'LambdaProblem';
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, type: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.type = type;
    this.headers = headers;
  }
}
