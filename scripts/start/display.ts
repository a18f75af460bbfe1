import { createRunPicture } from '../../src/cli/output/run-picture.js';
import type { Screen } from '../../src/cli/output/screen.js';
import type { RunView } from '../../src/runs/run-view.js';
import type { Ending } from './ending.js';

/** What `npm start` shows. With `json`, everything but the ending goes to stderr. */
export interface Display {
  step: (line: string) => void;
  /** The run as it goes on. */
  run(webUi: string | undefined): { show(view: RunView): void; done(): void };
  end(ending: Ending, totalMs: number): void;
  staying(webUi: string): void;
}

export function createDisplay(screen: Screen, { json }: { json: boolean }): Display {
  const say = json ? screen.remark : screen.print;
  return {
    step: (line) => say(`${screen.colors.dim('·')} ${line}`),
    run(webUi) {
      say('');
      return createRunPicture(screen, { webUi, live: screen.interactive && !json, say });
    },
    end(ending, totalMs) {
      if (json) screen.print(JSON.stringify(ending.json));
      else screen.print(`\n${ending.text(screen, totalMs)}\n\nTry next:\n${ending.next.map((command) => `  ${command}`).join('\n')}`);
    },
    staying: (webUi) => screen.print(`\nEverything stays up until Ctrl-C. Web UI: ${webUi}`),
  };
}
