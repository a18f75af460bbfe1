import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { ganttBar } from '../../src/cli/output/gantt.js';
import { renderRun } from '../../src/cli/output/run-text.js';
import { createScreen } from '../../src/cli/output/screen.js';
import { stateOfGroup } from '../../src/cli/output/step-rows.js';
import { groupOf, matchesStep, stepPath, stepsNamed } from '../../src/runs/find-step.js';
import { joinSteps } from '../../src/runs/join-steps.js';
import type { RunView, StepState, StepView } from '../../src/runs/run-view.js';

const START = Date.parse('2026-01-31T01:00:00Z');
const at = (seconds: number): string => new Date(START + seconds * 1000).toISOString();

function step(id: string, from: number, to: number | undefined, facts: Partial<StepView> = {}): StepView {
  const ended = to === undefined ? {} : { endedAt: at(to), durationMs: (to - from) * 1000 };
  return { id, activity: id.slice(id.lastIndexOf('.') + 1), state: 'succeeded', attempts: 1, scheduledAt: at(from), startedAt: at(from), ...ended, ...facts };
}

function view(steps: StepView[], facts: Partial<RunView> = {}): RunView {
  return { workflowId: 'ecommerce-daily-2026-01-30', runId: 'r', workflow: 'ecommerceDaily', pipeline: 'ecommerce-daily', taskQueue: 'millrace', state: 'running', startedAt: at(0), durationMs: 100_000, steps, ...facts };
}

const screen = (columns?: number) => createScreen({ isTTY: false } as NodeJS.WriteStream, process.stderr, columns === undefined ? {} : { COLUMNS: String(columns) });

const HELD = step('extract.extractCustomers', 0, 20, { state: 'held', attempts: 3, heldUntil: at(86_400), error: { type: 'SOURCE_UNAVAILABLE', message: 'the customer API does not answer at all, whatever one asks it for' } });
const STEPS = [step('extract.extractSales', 0, 50, { rows: 3694 }), HELD, step('extract.inner.load', 50, undefined, { state: 'running', durationMs: 50_000 }), step('report', 90, undefined, { state: 'waiting', attempts: 0, startedAt: undefined as never })];

describe('the table of steps', () => {
  it('puts each group under a line of its own with its state and its time', () => {
    const lines = renderRun(view(STEPS), screen()).split('\n');
    expect(lines).toContainEqual(expect.stringMatching(/^extract +held +1 min 40 s$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}extractSales +succeeded +1 +50\.0 s +3694$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ {2}inner +running +50\.0 s$/));
    expect(lines).toContainEqual(expect.stringMatching(/^ {4}load +running/));
    expect(lines).toContainEqual(expect.stringMatching(/^report +waiting$/));
  });

  it.each([70, 80, 100, 160])('is never wider than a terminal of %d columns', (columns) => {
    const lines = renderRun(view(STEPS), screen(columns)).split('\n');
    const table = lines.slice(lines.findIndex((line) => line.startsWith('STEP')), lines.findIndex((line) => line.startsWith('held at')));
    for (const line of table) expect(stringWidth(line)).toBeLessThanOrEqual(columns);
    expect(table.some((line) => line.includes('█'))).toBe(columns >= 80);
  });

  it('has no bars in a file or a pipe', () => {
    expect(renderRun(view(STEPS), screen())).not.toMatch(/[█▌▐░]|WHEN/);
  });

  it('shows on a low terminal what needs somebody, and counts the rest', () => {
    const many = Array.from({ length: 200 }, (_, index) => step(`load#${index + 1}`, 0, 1));
    const text = renderRun(view([...many, HELD]), screen(100), { height: 24 });
    expect(text.split('\n').length).toBeLessThanOrEqual(24);
    expect(text).toMatch(/extractCustomers +held/);
    expect(text).toMatch(/and \d+ succeeded/);
  });
});

describe('what to do next', () => {
  it('names, for a held step, how long it waits and every command that helps', () => {
    const text = renderRun(view(STEPS, { standstill: 'held' }), screen(80));
    expect(text).toContain('ecommerce-daily  held for 1 min 40 s');
    expect(text).toContain('held at extract.extractCustomers until 2026-02-01 01:00:00Z, then it fails: SOURCE_UNAVAILABLE: the customer API');
    for (const command of ['logs', 'retry', 'fail']) expect(text).toContain(`millrace ${command} ecommerce-daily-2026-01-30 extract.extractCustomers\n`.trimEnd());
    expect(text).toContain('millrace skip ecommerce-daily-2026-01-30 extract.extractCustomers --result JSON --why REASON');
  });

  it('quotes ids that a shell would take apart', () => {
    expect(renderRun(view([{ ...HELD, id: 'train[a b]' }]), screen())).toContain(`millrace retry ecommerce-daily-2026-01-30 'train[a b]'`);
  });

  it('says who has paused a run and why, and what an approval is about', () => {
    const wanted: StepView = { id: 'promote', activity: 'approval', kind: 'approval', state: 'waiting', attempts: 0, scheduledAt: at(0), message: 'accuracy 0.9' };
    const text = renderRun(view([wanted], { standstill: 'paused', paused: { by: 'anna@host', why: 'move', since: at(10) } }), screen());
    expect(text).toContain('paused by anna@host since 2026-01-31 01:00:10Z: move\nNext      millrace resume ecommerce-daily-2026-01-30');
    expect(text).toContain('waiting for approval of promote: accuracy 0.9\nNext      millrace approve ecommerce-daily-2026-01-30 promote');
  });
});

describe('a Gantt bar', () => {
  const scale = { from: 0, to: 100, width: 10 };
  it.each([
    [{ busy: { from: 0, to: 100 } }, '██████████'],
    [{ busy: { from: 50, to: 60 } }, '     █'],
    [{ busy: { from: 25, to: 45 } }, '  ▐█▌'],
    [{ busy: { from: 50, to: 50 } }, '     ▌'],
    [{ busy: { from: 100, to: 100 } }, '         ▐'],
    [{ busy: { from: 60, to: 80 }, idle: { from: 20, to: 80 } }, '  ░░░░██'],
    [{ idle: { from: 0, to: 30 } }, '░░░'],
    [{}, ''],
  ])('of %o is drawn to scale', (stretches, bar) => {
    expect(ganttBar(stretches, scale)).toBe(bar);
  });
});

describe('the state of a group', () => {
  it.each<[StepState[], StepState]>([
    [['succeeded', 'held', 'failed'], 'held'],
    [['succeeded', 'failed', 'running'], 'failed'],
    [['succeeded', 'waiting'], 'running'],
    [['waiting', 'waiting'], 'waiting'],
    [['skipped', 'succeeded'], 'succeeded'],
    [['reused', 'reused'], 'reused'],
    [['succeeded', 'cancelled'], 'cancelled'],
  ])('%o is %s', (states, state) => {
    expect(stateOfGroup(states.map((one, index) => step(`g.${index}`, 0, 1, { state: one })))).toBe(state);
  });
});

describe('a step', () => {
  it('is found by its id or the end of it, with its map key, and its group by its name', () => {
    expect(stepPath('train[v1.2].fit')).toEqual(['train[v1.2]', 'fit']);
    expect(groupOf('load[a.b]')).toBeUndefined();
    const steps = [{ id: 'a.load' }, { id: 'a.b.load' }, { id: 'load' }];
    expect(stepsNamed(steps, 'load')).toEqual([{ id: 'load' }]);
    expect(stepsNamed(steps, 'b.load')).toEqual([{ id: 'a.b.load' }]);
    expect(stepsNamed(steps.slice(0, 2), 'load')).toHaveLength(2);
    expect(stepsNamed(steps, 'a')).toEqual([]);
    expect(matchesStep('a.b.load', 'a')).toBe(true);
  });

  it('is what the history says where it goes on or has succeeded, and what the run says where it has failed', () => {
    const entry = { id: 's', activity: 's', kind: 'activity', scheduledAt: at(0) } as const;
    const joined = (history: StepState, run: StepState) => joinSteps([step('s', 0, 1, { state: history })], [{ ...entry, state: run, message: 'why' }], START)[0]!;
    expect(joined('failed', 'held')).toMatchObject({ state: 'held', message: 'why' });
    expect(joined('cancelled', 'skipped')).toMatchObject({ state: 'skipped', message: 'why' });
    expect(joined('retrying', 'running')).toMatchObject({ state: 'retrying' });
    expect(joined('succeeded', 'held')).toMatchObject({ state: 'succeeded' });
    expect(joined('failed', 'running')).toMatchObject({ state: 'failed' });
    expect(joinSteps([step('new', 0, 1)], [{ ...entry, state: 'reused' }], START).map(({ id, state }) => [id, state])).toEqual([['s', 'reused'], ['new', 'succeeded']]);
  });
});
