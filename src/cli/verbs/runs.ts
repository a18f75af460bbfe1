import { listRuns, STATUS_OF_STATE } from '../../runs/list-runs.js';
import type { RunState } from '../../runs/run-view.js';
import { usageError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { nearest, positiveInteger } from '../find-run.js';
import { formatDuration, formatTime } from '../output/format.js';
import { paintState } from '../output/run-text.js';
import { defineVerb, type Verb } from '../verb.js';

const STATES = Object.keys(STATUS_OF_STATE) as RunState[];

export const runsVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'runs [PIPELINE]',
    summary: 'runs, the newest first',
    details: 'PIPELINE may also be the type of any other workflow in the namespace. Runs are listed for as long as the namespace keeps them.',
    examples: ['runs', 'runs ecommerce-daily --state failed --limit 5', "runs --json | jq -r '.[0].runId'"],
  })
    .option('--state <state>', STATES.join(', '))
    .option('--limit <n>', 'at most so many', '20')
    .action(
      act(async (cli, [pipeline], { json, state, limit }) => {
        const most = positiveInteger('--limit', limit);
        const wanted = state === undefined ? undefined : knownState(state as string);
        const { client } = await cli.temporal();
        const runs = await listRuns(client, { limit: most, ...(pipeline === undefined ? {} : { pipeline }), ...(wanted === undefined ? {} : { state: wanted }) });
        const { screen } = cli;
        if (json) screen.print(JSON.stringify(runs, undefined, 2));
        else if (runs.length === 0) screen.remark('no runs; start one: millrace run ecommerce-daily --date 2010-12-01');
        else {
          const rows = runs.map((run) => [
            run.workflowId,
            { text: run.state, paint: paintState(screen.colors, run.state) },
            run.interval ?? '',
            formatTime(run.startedAt),
            formatDuration(run.durationMs),
            run.runId,
          ]);
          const columns = [{ head: 'RUN', shrinksTo: 20 }, { head: 'STATE' }, { head: 'INTERVAL', shrinksTo: 10 }, { head: 'STARTED', shrinksTo: 10 }, { head: 'TIME', align: 'right' as const }, { head: 'RUN ID', shrinksTo: 0 }];
          screen.print(screen.table(columns, rows));
        }
        return EXIT_CODES.OK;
      }),
    );
};

function knownState(text: string): RunState {
  const state = STATES.find((candidate) => candidate === text);
  if (state === undefined) throw usageError(`--state ${text} is unknown`, `use ${nearest(text, STATES) ?? `one of ${STATES.join(', ')}`}`);
  return state;
}
