/** One thing that was looked at. */
export interface Finding {
  /** `temporal`, `worker millrace`, `connection LAKE`. */
  subject: string;
  state: 'ok' | 'warn' | 'fail';
  message: string;
  /** What to do; absent when all is well. */
  remedy?: string;
}

export const ok = (subject: string, message: string): Finding => ({ subject, state: 'ok', message });
export const warn = (subject: string, message: string, remedy: string): Finding => ({ subject, state: 'warn', message, remedy });
export const fail = (subject: string, message: string, remedy: string): Finding => ({ subject, state: 'fail', message, remedy });
