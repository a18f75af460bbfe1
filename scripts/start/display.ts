import logUpdate from 'log-update';
import type { Screen } from '../../src/cli/output/screen.js';
import { hasEnded, type RunView } from '../../src/runs/run-view.js';
import { nextCommands, type StartReport } from './report.js';
import { renderReport } from './render-report.js';
import { renderSteps, stepLines } from './render-steps.js';

/** What `npm start` shows. With `json`, everything but the report goes to stderr. */
export interface Display {
  step(line: string): void;
  running(run: string, webUi: string | undefined): void;
  progress(view: RunView): void;
  report(report: StartReport, totalMs: number): void;
  staying(webUi: string): void;
}

export function createDisplay(screen: Screen, { json }: { json: boolean }): Display {
  const live = screen.interactive && !json;
  const say = json ? screen.remark : screen.print;
  let told: string[] = [];
  return {
    step: (line) => say(`${screen.colors.dim('·')} ${line}`),
    running: (run, webUi) => say(`${screen.colors.dim('·')} running ${run}${webUi === undefined ? '' : `\n  ${webUi}`}\n`),
    progress(view) {
      if (live) {
        logUpdate(renderSteps(view, screen));
        if (hasEnded(view)) logUpdate.done();
        return;
      }
      const lines = stepLines(view);
      for (const line of lines.filter((candidate) => !told.includes(candidate))) say(line);
      told = lines;
    },
    report(report, totalMs) {
      if (json) screen.print(JSON.stringify(report));
      else screen.print(`\n${renderReport(report, screen, totalMs)}\n\nTry next:\n${nextCommands(report).map((command) => `  ${command}`).join('\n')}`);
    },
    staying: (webUi) => screen.print(`\nEverything stays up until Ctrl-C. Web UI: ${webUi}`),
  };
}
