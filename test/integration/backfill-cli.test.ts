import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import type { BackfillView } from '../../src/backfills/backfills.js';
import { locateTemporal } from '../servers/temporal.js';
import { BackfillDays, startBackfillStack, type BackfillStack } from '../support/backfill-days.js';
import { millrace } from '../support/millrace-command.js';
import { describeWithServer } from '../support/with-server.js';

/** Every command is a process of its own. */
const SLOWLY = 300_000;
const EVENTUALLY = { timeout: 20_000, interval: 50 };

describeWithServer('millrace backfill', locateTemporal, () => {
  let stack: BackfillStack;
  let days = new BackfillDays();
  let env: Record<string, string>;

  const cli = (...args: string[]) => millrace(args, env);
  const range = (from: string, to: string) => ['--from', from, '--to', to];

  beforeAll(async () => {
    stack = await startBackfillStack(() => days);
    env = { TEMPORAL_ADDRESS: stack.server.address, MILLRACE_HOME: '/nonexistent', COLUMNS: '120' };
  });
  afterAll(() => stack?.stop());
  beforeEach(() => {
    days = new BackfillDays();
  });
  afterEach(() => days.releaseAll());

  it('shows with --dry-run what would run, why and in which order, and runs nothing', async () => {
    days.loaded.add('2011-01-02');
    const { code, stdout } = await cli('backfill', 'ecommerce-daily', ...range('2011-01-01', '2011-01-03'), '--dry-run', '--newest-first');
    expect(code).toBe(0);
    expect(stdout.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))).toEqual([
      '# | INTERVAL | WHY | RUN',
      '1 | 2011-01-03 | not loaded | ecommerce-daily-2011-01-03',
      '2 | 2011-01-01 | not loaded | ecommerce-daily-2011-01-01',
      '',
      '2 of 3 intervals of ecommerce-daily would run, 2 at a time, newest first; left out: 1 loaded already',
      '',
    ]);
    expect(days.started).toEqual([]);
  }, SLOWLY);

  it('follows a backfill with --watch and tells by its exit code how it ended', async () => {
    const good = await cli('backfill', 'ecommerce-daily', ...range('2011-02-01', '2011-02-03'), '--watch');
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('3 done, 0 failed, 0 left out') as string });

    days.failing.add('2011-02-05');
    const bad = await cli('backfill', 'ecommerce-daily', ...range('2011-02-04', '2011-02-05'), '--watch');
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/2011-02-05 +SOURCE_EMPTY +ecommerce-daily-2011-02-05 +no data for 2011-02-05/);
    expect(bad.stdout).toContain('run them again: millrace backfill ecommerce-daily --from 2011-02-04 --to 2011-02-05 --only failed');
  }, SLOWLY);

  it('lists, changes, pauses, resumes and cancels one, and refuses what makes no sense', async () => {
    days.hold = true;
    const name = 'backfill-ecommerce-daily-2011-03-01-2011-03-09';
    const asked = ['backfill', 'ecommerce-daily', ...range('2011-03-01', '2011-03-09'), '--parallel', '1'];
    expect(await cli(...asked)).toMatchObject({ code: 0, stdout: expect.stringContaining(`started ${name}`) as string });
    expect(await cli(...asked)).toMatchObject({ code: 6, stderr: expect.stringContaining(`${name} is running already`) as string });
    await expect.poll(() => days.started.length, EVENTUALLY).toBe(1);

    expect(await cli('backfill', 'parallel', name, '3')).toMatchObject({ code: 0 });
    await expect.poll(() => days.started.length, EVENTUALLY).toBe(3);
    expect(await cli('backfill', 'resume', 'last')).toMatchObject({ code: 6, stderr: expect.stringContaining('not paused: it runs 3 intervals, and 6 wait') as string });
    expect(await cli('backfill', 'pause', 'ecommerce-daily', '--why', 'lunch')).toMatchObject({ code: 0 });
    const { stdout } = await cli('backfill', 'list');
    expect(stdout).toMatch(new RegExp(`^${name} +paused +0 +0 +0 +3 +6 `, 'm'));
    const listed = JSON.parse((await cli('backfill', 'list', 'ecommerce-daily', '--json')).stdout) as BackfillView[];
    expect(listed[0]).toMatchObject({ workflowId: name, state: 'paused', live: { paused: { why: 'lunch', by: expect.stringContaining('@') as string } } });

    expect(await cli('backfill', 'cancel', name, '--why', 'wrong month')).toMatchObject({ code: 0 });
    const watched = await cli('backfill', 'watch', name, '--json');
    expect(watched.code).toBe(1);
    expect(JSON.parse(watched.stdout)).toMatchObject({ state: 'cancelled', done: 0, failed: 0 });
    expect(days.ended).toHaveLength(3);
    expect(await cli('backfill', 'pause', name)).toMatchObject({ code: 6, stderr: expect.stringContaining('has ended') as string });
  }, SLOWLY);

  it('refuses with one line what it cannot do', async () => {
    const results = await Promise.all([cli('backfill', 'ecommerce-daily', '--from', '2011-01-01'), cli('backfill', 'pause', 'no-such')]);
    expect(results).toEqual([
      { code: 2, stdout: '', stderr: 'millrace: --from and --to are needed — millrace backfill ecommerce-daily --from 2010-12-01 --to 2010-12-23\n' },
      { code: 3, stdout: '', stderr: 'millrace: there is no backfill no-such — see millrace backfill list\n' },
    ]);
  }, SLOWLY);
});
