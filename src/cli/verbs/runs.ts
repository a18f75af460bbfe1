import type { Client } from '@temporalio/client';
import { listRuns, STATUS_OF_STATE, type RunSummary } from '../../runs/list-runs.js';
import type { RunState, Standstill } from '../../runs/run-view.js';
import { missingSearchAttributes } from '../../runs/search-attributes.js';
import { isStandstill, STANDSTILLS } from '../../runs/standstill.js';
import { stuckAmong, type StuckCause } from '../../runs/stuck-runs.js';
import { SEARCH_ATTRIBUTES } from '../../steps/search-attributes.js';
import { CliError, usageError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { nearest, positiveInteger } from '../find-run.js';
import { formatDuration, formatTime } from '../output/format.js';
import { paintState } from '../output/paint-state.js';
import type { Colors } from '../output/screen.js';
import type { TableCell } from '../output/table.js';
import { defineVerb, type Verb } from '../verb.js';

/** Of which `--stuck` finds the stuck ones. */
const MOST_OPEN_RUNS = 1000;

const STATES = [...(Object.keys(STATUS_OF_STATE) as RunState[]), ...STANDSTILLS];

export const runsVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'runs [PIPELINE]',
    summary: 'runs, the newest first',
    details: 'PIPELINE may also be the type of any other workflow in the namespace. Runs are listed for as long as the namespace keeps them.',
    examples: ['runs', 'runs --state held', 'runs ecommerce-daily --state failed --limit 5', "runs --json | jq -r '.[0].runId'"],
  })
    .option('--state <state>', STATES.join(', '))
    .option('--limit <n>', 'at most so many', '20')
    .option('--stuck', 'only open runs whose own code cannot go on')
    .action(
      act(async (cli, [pipeline], { json, state, limit, stuck }) => {
        const most = positiveInteger('--limit', limit);
        const wanted = state === undefined ? undefined : knownState(state as string);
        const { client } = await cli.temporal();
        if (isStandstill(wanted)) await expectAttribute(client);
        const listed = await listRuns(client, { limit: stuck ? MOST_OPEN_RUNS : most, ...(pipeline === undefined ? {} : { pipeline }), ...(stuck ? { state: 'running' } : wanted === undefined ? {} : { state: wanted }) });
        const marked = await markStuck(client, listed);
        const runs = stuck ? marked.filter((run) => run.stuck !== undefined).slice(0, most) : marked;
        const { screen } = cli;
        if (json) screen.print(JSON.stringify(runs, undefined, 2));
        else if (runs.length === 0) screen.remark(stuck ? 'no run is stuck' : 'no runs; start one: millrace run ecommerce-daily --date 2010-12-01');
        else {
          const rows = runs.map((run) => [
            run.workflowId,
            stateCell(run, screen.colors),
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

/** Temporal calls them running, and only their description tells: so open runs are asked, and ended ones are not. */
async function markStuck(client: Client, runs: readonly RunSummary[]): Promise<(RunSummary & { stuck?: StuckCause })[]> {
  const causes = await stuckAmong(client, runs.filter(({ state }) => state === 'running'));
  return runs.map((run) => ({ ...run, ...(causes.has(run.runId) ? { stuck: causes.get(run.runId)! } : {}) }));
}

function stateCell({ state, standstill, stuck }: RunSummary & { stuck?: StuckCause }, colors: Colors): TableCell {
  if (stuck !== undefined) return { text: 'STUCK', paint: colors.red };
  return { text: standstill ?? state, paint: paintState(colors, standstill ?? state) };
}

function knownState(text: string): RunState | Standstill {
  const state = STATES.find((candidate) => candidate === text);
  if (state === undefined) throw usageError(`--state ${text} is unknown`, `use ${nearest(text, STATES) ?? `one of ${STATES.join(', ')}`}`);
  return state;
}

async function expectAttribute(client: Client): Promise<void> {
  const { name } = SEARCH_ATTRIBUTES.state;
  const missing = await missingSearchAttributes(client.connection, client.options.namespace, [name]);
  if (missing.length > 0) throw new CliError(EXIT_CODES.NOT_FOUND, `the namespace does not know the search attribute ${name}, by which such runs are found`, 'millrace doctor --fix; runs that are started from then on have it');
}
