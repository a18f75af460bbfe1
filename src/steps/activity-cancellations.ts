import type { ConcludeActivationOutput } from '@temporalio/workflow';

/** Cancels single activities by their numbers. */
export interface ActivityCancellations {
  add(seq: number): void;
  /** Adds what is to be cancelled to the commands of an activation that ends. */
  conclude(output: ConcludeActivationOutput): ConcludeActivationOutput;
}

/**
 * A cancellation scope for every step would do the same, and costs the sandbox three promises, each with its stack trace, although
 * hardly any step is ever cancelled by itself. So the command that a scope would send is sent from here.
 */
export function createActivityCancellations(): ActivityCancellations {
  let wanted: number[] = [];
  return {
    add: (seq) => void wanted.push(seq),
    conclude(output) {
      if (wanted.length === 0) return output;
      const commands = [...output.commands, ...wanted.map((seq) => ({ requestCancelActivity: { seq } }))];
      wanted = [];
      return { ...output, commands };
    },
  };
}
