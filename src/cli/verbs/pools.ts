import { CATALOG } from '../../catalog.js';
import { listPools, setPoolSize, type ListedPool } from '../../pools/ask-pools.js';
import { CliError, usageError } from '../cli-error.js';
import { EXIT_CODES } from '../exit-codes.js';
import { operator } from '../operate.js';
import { formatTime } from '../output/format.js';
import type { Screen } from '../output/screen.js';
import { defineVerb, type Verb } from '../verb.js';

export const poolsVerb: Verb = (parent, act) => {
  const pools = parent
    .command('pools')
    .summary('how many steps may use something at once')
    .description('how many steps may use something at once, over all runs: docs/pools.md');

  defineVerb(pools, {
    usage: 'list',
    summary: 'every pool with its slots, who holds them and who waits',
    details: 'A slot of a step that does not run any more (its worker was killed) is free for others when it expires.',
    examples: ['pools list', "pools list --json | jq '.[].view.waiting'"],
  }).action(
    act(async (cli, _args, { json }) => {
      const { client } = await cli.temporal();
      const listed = await listPools(client);
      if (json) cli.screen.print(JSON.stringify(listed, undefined, 2));
      else printPools(cli.screen, listed, Date.now());
      return EXIT_CODES.OK;
    }),
  );

  defineVerb(pools, {
    usage: 'set <NAME> <N>',
    summary: 'give a pool N slots, whatever the catalog says; makes the pool where there is none',
    details: 'More slots go to those who wait at once; with fewer, steps that run go on to their end. With 0 no step starts.',
    examples: ['pools set warehouse 4', 'pools set warehouse 0 --json'],
  })
    .option('--task-queue <name>', 'of workers that can take care of the pool, where it is new', CATALOG[0]?.taskQueue)
    .action(
      act(async (cli, [name, slots], { json, taskQueue }) => {
        const size = slotsOf(slots!);
        const { client } = await cli.temporal();
        const view = await setPoolSize(client, name!, { size, by: operator(undefined).by }, String(taskQueue));
        if (view === undefined) throw new CliError(EXIT_CODES.NO_ANSWER, `no worker has answered for pool ${name}`, 'see millrace doctor; the size is set when a worker comes');
        cli.screen.print(json ? JSON.stringify(view, undefined, 2) : `${name} has ${size} ${size === 1 ? 'slot' : 'slots'}: ${view.holders.length} held, ${view.waiting.length} waiting`);
        return EXIT_CODES.OK;
      }),
    );
};

function slotsOf(text: string): number {
  const slots = Number(text);
  if (!Number.isSafeInteger(slots) || slots < 0 || text.trim() === '') throw usageError(`${text} is not a number of slots`, 'give a whole number, 0 or more');
  return slots;
}

function printPools(screen: Screen, pools: readonly ListedPool[], now: number): void {
  if (pools.length === 0) {
    screen.remark('no pools; add one to POOLS in src/catalog.ts, or: millrace pools set NAME N');
    return;
  }
  const columns = [{ head: 'POOL' }, { head: 'SIZE', align: 'right' as const }, { head: 'HELD', align: 'right' as const }, { head: 'WAITING', align: 'right' as const }, { head: 'NOTE', shrinksTo: 0 }];
  screen.print(screen.table(columns, pools.map((one) => [one.pool, String(one.size ?? '?'), String(one.view?.holders.length ?? ''), String(one.view?.waiting.length ?? ''), noteOf(one)])));
  const rows = pools.flatMap((one) => [...holderRows(one, now), ...waitingRows(one)]);
  if (rows.length === 0) return;
  const details = [{ head: 'POOL' }, { head: 'STATE' }, { head: 'RUN', shrinksTo: 20 }, { head: 'STEP', shrinksTo: 12 }, { head: 'SINCE', shrinksTo: 10 }, { head: 'EXPIRES', shrinksTo: 10 }];
  screen.print(`\n${screen.table(details, rows)}`);
}

function noteOf({ state, view }: ListedPool): string {
  if (state === 'unused') return 'no step has needed it yet';
  if (state === 'silent') return 'no worker answers for it; see millrace doctor';
  return view?.set === undefined ? '' : `set by ${view.set.by} ${formatTime(view.set.since)}`;
}

function holderRows({ pool, view }: ListedPool, now: number): string[][] {
  return (view?.holders ?? []).map(({ workflowId, step, since, expires }) => [pool, Date.parse(expires) > now ? 'held' : 'lapsed', workflowId, step, formatTime(since), formatTime(expires)]);
}

function waitingRows({ pool, view }: ListedPool): string[][] {
  return (view?.waiting ?? []).map(({ workflowId, step, since, priority }) => [pool, priority === 3 ? 'waiting' : `waiting (priority ${priority})`, workflowId, step, formatTime(since), '']);
}
