import '../src/quiet-aws.js';
import { resolve } from 'node:path';
import { chooseTemporal, connectTemporal, webUiLink } from '../src/cli/temporal-client.js';
import { planRun, startRun, type RunRequest } from '../src/cli/start-run.js';
import { CliError } from '../src/cli/cli-error.js';
import { EXIT_CODES } from '../src/cli/exit-codes.js';
import { operator } from '../src/cli/operate.js';
import { drainStream } from '../src/cli/drain-stream.js';
import { createScreen } from '../src/cli/output/screen.js';
import type { Pipeline } from '../src/catalog.js';
import { millraceHome } from '../src/connections/settings.js';
import { defaultDate } from '../src/demo/default-date.js';
import { hasDays } from '../src/durable/cron-intervals.js';
import { generatedDays } from '../src/demo/generate-day.js';
import { retailFileDays } from '../src/demo/retail-files.js';
import { findProjectRoot } from '../src/project-root.js';
import { followToItsEnd } from '../src/runs/follow-run.js';
import type { RunView } from '../src/runs/run-view.js';
import { acquireStack, type TemporalAddress } from '../src/stack/stack-state.js';
import { parseArguments, type StartArguments } from './start/arguments.js';
import { KAFKA_CONNECTION } from './start/demo-kafka.js';
import { attachToStack } from './start/attached-stack.js';
import { startEmbeddedStack, type EmbeddedStack } from './start/embedded-stack.js';
import { endingOf } from './start/ending.js';
import { createDisplay, type Display } from './start/display.js';

/** The user's folder: npm runs scripts in the project's. */
const CALLED_FROM = process.env['INIT_CWD'] ?? process.cwd();

async function main(): Promise<number> {
  const started = performance.now();
  const wanted = parseArguments(process.argv.slice(2));
  const screen = createScreen(process.stdout, process.stderr, process.env);
  const display = createDisplay(screen, { json: wanted.json });
  const interrupted = interruption();

  const days = wanted.data === undefined ? generatedDays() : retailFileDays(resolve(CALLED_FROM, wanted.data));
  const date = wanted.date ?? (await defaultDate(days, new Date()));
  const root = findProjectRoot();
  const attempt = await acquireStack(millraceHome(process.env, root), display.step);
  if (attempt.kind === 'running' && attempt.stack === undefined) {
    throw new Error(`another npm start (process ${attempt.ownerPid}) is just starting; try again in a moment`);
  }

  let stack: EmbeddedStack | undefined;
  try {
    if (attempt.kind === 'owned') {
      stack = await startEmbeddedStack({ stack: attempt.stack, root, days, date, kind: wanted.stack, withKafka: needsKafka(wanted.pipeline), withCloudWatch: wanted.pipeline.connections.includes('METRICS'), log: display.step });
    } else if (attempt.stack !== undefined) {
      stack = await attachToStack(attempt.stack, { date, dataGiven: wanted.data !== undefined, stackGiven: wanted.stack !== 'embedded', log: display.step });
    }
    const { temporal, demoParams } = stack!;
    const params = needsKafka(wanted.pipeline) ? demoParams : [];
    const request = { params, ...(wanted.date !== undefined || runsByDay(wanted.pipeline) ? { date } : {}) };
    const isStream = wanted.pipeline.continuous === true;
    const runsOn = isStream && staysUp(wanted, screen.interactive);
    const run = await runPipeline(temporal, wanted.pipeline, request, { display, interrupted, drain: isStream && !runsOn });
    display.end(endingOf(run, webUiLink({ ...temporal, source: '' }, run)), performance.now() - started);
    if (attempt.kind === 'owned' && staysUp(wanted, screen.interactive) && !interrupted.aborted) {
      if (wanted.data === undefined) stack!.keepUpWithTheDate();
      display.staying(temporal.uiUrl);
      await untilAborted(interrupted);
    }
    return run.state === 'completed' || (runsOn && interrupted.aborted) ? 0 : 1;
  } finally {
    if (stack !== undefined) {
      if (attempt.kind === 'owned') display.step('stopping');
      await stack.stop();
    }
    if (attempt.kind === 'owned') await attempt.stack.release();
  }
}

/** One that runs several times a day runs for what has just passed, a stream for no interval at all. */
function runsByDay({ schedule, continuous = false }: Pipeline): boolean {
  return schedule === undefined ? !continuous : hasDays(schedule.cron);
}

function needsKafka({ connections }: Pipeline): boolean {
  return connections.includes(KAFKA_CONNECTION);
}

/** `drain`: a stream loads what is there, and ends. */
async function runPipeline(temporal: TemporalAddress, pipeline: Pipeline, request: RunRequest, { display, interrupted, drain }: { display: Display; interrupted: AbortSignal; drain: boolean }): Promise<RunView> {
  const { target, options } = await chooseTemporal({}, async () => temporal);
  const client = await connectTemporal(target, options);
  try {
    const ids = await startOrJoin();
    if (drain) await drainStream(client, ids.workflowId, operator('npm start ends when everything is loaded'));
    const picture = display.run(webUiLink(target, ids));
    let last: RunView | undefined;
    for await (const view of followToItsEnd(client, ids, interrupted)) {
      last = view;
      picture.show(view);
    }
    picture.done();
    if (last === undefined) throw new Error('interrupted before the run had begun');
    return last;
  } finally {
    await client.connection.close();
  }

  /** A run of this day that is still open, from before a crash or in another terminal, is watched to its end instead. */
  async function startOrJoin(): Promise<{ workflowId: string; runId: string }> {
    const planned = planRun(pipeline, request, new Date());
    try {
      return await startRun(client, pipeline, planned);
    } catch (error) {
      if (!(error instanceof CliError) || error.exitCode !== EXIT_CODES.CONFLICT) throw error;
      display.step(`${error.message}: watching that run`);
      const { workflowId } = planned;
      return { workflowId, runId: (await client.workflow.getHandle(workflowId).describe()).runId };
    }
  }
}

/** Without a terminal nobody would press Ctrl-C. */
function staysUp({ once, json }: StartArguments, interactive: boolean): boolean {
  return !once && !json && interactive;
}

/** Aborted by the first Ctrl-C or SIGTERM; a second one ends the process at once, and the next start cleans up. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(130);
      controller.abort();
    });
  }
  return controller.signal;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`millrace: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
