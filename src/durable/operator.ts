import { ApplicationFailure } from '@temporalio/workflow';

/** Who gives an order to a run, and why: written into the history with the update. */
export interface Operator {
  /** `anna@host` */
  by: string;
  why?: string;
}

/** Of validators: refuses an order that nobody stands for. */
export function requireName(operator: Operator | undefined): void {
  if (isBlank(operator?.by)) throw refused('an order needs the name of who gives it (by): it stays in the history');
}

export function isBlank(text: string | undefined): boolean {
  return typeof text !== 'string' || text.trim() === '';
}

/** What an order is answered with that cannot be carried out as things stand. */
export function refused(message: string, type: 'NOT_POSSIBLE' | 'NO_SUCH_STEP' = 'NOT_POSSIBLE'): ApplicationFailure {
  return ApplicationFailure.nonRetryable(message, type);
}
