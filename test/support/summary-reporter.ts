import type { Reporter, TestModule } from 'vitest/node';

/**
 * Prints `N passed, N failed, N skipped` alone on the last line, for machines. What fails outside of a test counts as failed too
 * (a file that cannot be loaded, a hook, an unhandled error, a test that never ended): else it would be missing from the sum.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const states = modules.flatMap((module) => [...module.children.allTests()].map((test) => test.result().state));
    const count = (...wanted: string[]): number => states.filter((state) => wanted.includes(state)).length;
    const broken = modules.flatMap((module) => [module, ...module.children.allSuites()]).filter((part) => part.errors().length > 0).length;
    const line = `${count('passed')} passed, ${count('failed', 'pending') + broken + unhandledErrors.length} failed, ${count('skipped')} skipped`;
    // After what the other reporters print about the end of the run.
    process.once('exit', () => process.stdout.write(`${line}\n`));
  }
}
