import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { simpleParser } from 'mailparser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackfillView } from '../../src/backfills/backfills.js';
import { retailFileDays } from '../../src/demo/retail-files.js';
import { BACKFILL_PROGRESS, type BackfillPlan, type BackfillProgress } from '../../src/durable/backfill.js';
import { locateTemporal } from '../servers/temporal.js';
import { millrace, startMillrace } from '../support/millrace-command.js';
import { publishedContent, startPipelineStack, type PipelineStack } from '../support/pipeline-stack.js';
import { ServerUnavailable, describeWithServer } from '../support/with-server.js';

const FILES = join(resolve(process.env['MILLRACE_SHARED_DATA'] ?? '../shared/data'), 'online-retail', 'by-day');
const FROM = '2010-12-01';
const TO = '2010-12-23';
const CLOSED = ['2010-12-04', '2010-12-11', '2010-12-18'];
const BACKFILL = `backfill-ecommerce-daily-${FROM}-${TO}`;
const EVENTUALLY = { timeout: 90_000, interval: 200 };

function locate(): void {
  if (!existsSync(FILES)) throw new ServerUnavailable('set MILLRACE_SHARED_DATA to the folder that has online-retail/by-day');
  locateTemporal();
}

/** The step in whose middle the backfill is paused and its worker killed. */
const HELD_DAY = '2010-12-08';
const HELD_STEP = 'stageOrders';

describeWithServer('a backfill of real retail days', locate, () => {
  let stack: PipelineStack;
  let env: Record<string, string>;
  let tradingDays: string[];

  const cli = (...args: string[]) => millrace(args, env);
  const progress = (): Promise<BackfillProgress> => stack.client.workflow.getHandle(BACKFILL).query<BackfillProgress>(BACKFILL_PROGRESS);
  const failureMails = async (): Promise<string[]> => {
    const texts = await Promise.all(stack.mails.map(async ({ raw }) => (await simpleParser(raw)).text ?? ''));
    return texts.filter((text) => text.includes('SOURCE_MISSING'));
  };

  beforeAll(async () => {
    const days = retailFileDays(FILES);
    tradingDays = (await days.dates())!.filter((date) => date >= FROM && date <= TO);
    stack = await startPipelineStack({ days, preload: tradingDays });
    env = {
      TEMPORAL_ADDRESS: stack.temporal.address,
      TEMPORAL_NAMESPACE: stack.temporal.namespace,
      MILLRACE_HOME: join(stack.home, 'cli'),
      ...Object.fromEntries(Object.entries(stack.connections).map(([name, uri]) => [`MILLRACE_CONN_${name}`, uri])),
    };
    await stack.worker('millrace');
  }, 120_000);
  afterAll(() => stack?.stop());

  it('paused, with its worker killed, and resumed, publishes what day-by-day runs publish', async () => {
    await stack.gate.set(`hold-ecommerce-daily-${HELD_DAY}-${HELD_STEP}`);
    const { stdout: plan } = await cli('backfill', 'ecommerce-daily', '--from', FROM, '--to', TO, '--dry-run', '--json');
    expect((JSON.parse(plan) as BackfillPlan).intervals).toHaveLength(23);

    const started = await cli('backfill', 'ecommerce-daily', '--from', FROM, '--to', TO, '--parallel', '4');
    expect(started).toMatchObject({ code: 0, stdout: expect.stringContaining(`started ${BACKFILL}`) as string });
    const watching = startMillrace(['backfill', 'watch', 'last', '--json'], env);
    await stack.gate.seen(`held-ecommerce-daily-${HELD_DAY}-${HELD_STEP}`);
    expect(await cli('backfill', 'pause', 'ecommerce-daily', '--why', 'the warehouse is slow')).toMatchObject({ code: 0 });
    expect(await cli('backfill', 'pause', 'ecommerce-daily')).toMatchObject({ code: 6, stderr: expect.stringMatching(/paused already, by \S+@\S+ /) as string });

    await stack.gate.set(`kill-ecommerce-daily-${HELD_DAY}-${HELD_STEP}.start`);
    await stack.gate.clear(`hold-ecommerce-daily-${HELD_DAY}-${HELD_STEP}`);
    await stack.gate.seen(`killed-ecommerce-daily-${HELD_DAY}-${HELD_STEP}.start`);
    await expect.poll(() => progress(), EVENTUALLY).toMatchObject({ state: 'paused', running: [], paused: { why: 'the warehouse is slow' } });
    const paused = await progress();
    expect(paused.waiting).toBeGreaterThan(0);
    expect(paused.done + paused.failed.length + paused.waiting).toBe(23);
    const [listed] = JSON.parse((await cli('backfill', 'list', '--json')).stdout) as BackfillView[];
    expect(listed).toMatchObject({ workflowId: BACKFILL, state: 'paused', done: paused.done, live: { waiting: paused.waiting } });

    expect(await cli('backfill', 'resume', 'last')).toMatchObject({ code: 0 });
    const { code, stdout } = await watching.result;
    expect(code).toBe(1);
    const ended = JSON.parse(stdout) as BackfillView;
    // Nothing was sold on these days: a run over nothing is a failure unless it is allowed.
    expect(ended).toMatchObject({ state: 'failed', done: tradingDays.length, failed: CLOSED.length });
    expect(ended.failures!.map(({ label }) => label).toSorted()).toEqual(CLOSED);

    const again = await cli('backfill', 'ecommerce-daily', '--from', FROM, '--to', TO, '--dry-run');
    expect(again.stdout).toContain('3 of 23 intervals of ecommerce-daily would run, 2 at a time, oldest first; left out: 20 loaded already');

    const byDay = { WAREHOUSE: `duckdb://${stack.home}/by-day.duckdb` };
    await stack.worker('by-day', byDay);
    for (const date of tradingDays) await stack.client.workflow.execute('ecommerceDaily', { taskQueue: 'by-day', workflowId: `by-day-${date}`, args: [{ date }] });
    expect(await publishedContent(stack.adapters())).toBe(await publishedContent(stack.adapters(byDay)));
    const totals = await stack.adapters().warehouse().query('SELECT count(DISTINCT interval_start), count(*), sum(line_total) FROM orders');
    // What the files say of December 2010, without the lines that have no price.
    expect(totals.rows).toEqual([['20', '42208', '748957.020000']]);
    // One mail for all failed days, and none for each of them.
    await expect.poll(failureMails, EVENTUALLY).toEqual([expect.stringContaining('BACKFILL_INCOMPLETE')]);
  }, 600_000);
});
