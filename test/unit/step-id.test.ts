import { describe, expect, it } from 'vitest';
import { createStepIds, stepSummary } from '../../src/steps/step-id.js';

const dataset = (name: string, rows: number) => ({ uri: `s3://lake/raw/${name}.parquet`, format: 'parquet', rows, bytes: 1, schema: 'x', madeBy: {} });
const interval = { pipeline: 'p', label: '2010-12-01', start: '', end: '', run: 'r', generation: 1 };

describe('step ids', () => {
  it('are the activity behind its task groups, with a number from the second call on', () => {
    const stepId = createStepIds();
    const inGroups = { path: ['extract', 'eu'] };
    expect(stepId('load', { path: [] })).toBe('load');
    expect(stepId('load', inGroups)).toBe('extract.eu.load');
    expect(stepId('load', { path: [] })).toBe('load#2');
    expect(stepId('load', { path: [] })).toBe('load#3');
    expect(stepId('load', inGroups)).toBe('extract.eu.load#2');
  });

  it('carry the key of a mapped item', () => {
    const stepId = createStepIds();
    expect(stepId('train', { path: [], key: 'resnet' })).toBe('train[resnet]');
    expect(stepId('train', { path: ['models'], key: 'resnet' })).toBe('models.train[resnet]');
    expect(stepId('train', { path: [], key: 'resnet' })).toBe('train[resnet]#2');
  });

  it('are the same for every run that makes the same calls', () => {
    const calls = ['a', 'b', 'a'].map((name) => [name, { path: [] }] as const);
    const once = createStepIds();
    const again = createStepIds();
    expect(calls.map((call) => once(...call))).toEqual(calls.map((call) => again(...call)));
  });
});

describe('the summary of a step', () => {
  it('names the interval and the datasets that go in, with their rows', () => {
    expect(stepSummary([{ sales: dataset('sales', 3108), clicks: dataset('clicks', 12) }, interval])).toBe('2010-12-01 · sales 3108 rows · clicks 12 rows');
    expect(stepSummary([dataset('orders', 7), interval])).toBe('2010-12-01 · orders 7 rows');
  });

  it('is absent where there is nothing to say, and never longer than a line', () => {
    expect(stepSummary([42, 'x', null])).toBeUndefined();
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`d${index}`, dataset(`dataset-${index}`, 1)]));
    expect(stepSummary([many])!.length).toBeLessThanOrEqual(200);
  });
});
