import { z } from 'zod';
import { compileWildcards } from '../../src/object-store/wildcards.js';
import type { ArrivedObject } from './notifications.js';

/** Which runs are told of which objects. */
export interface ArrivalRule {
  bucket: string;
  /** Wildcards, over the whole key in the bucket. */
  pattern: string;
  crossFolders: boolean;
  /** Workflow type of the runs that wait: `s3Etl`. */
  workflow: string;
  /** Name of the wait, with its groups, as step ids have them: `ingest.arrival`. */
  wait: string;
  /** Start a run where none is open. */
  start?: { workflowId: string; taskQueue: string; params: Record<string, unknown> };
}

const name = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.[\]-]*$/, 'is not a name');

const rule = z.strictObject({
  bucket: z.string().min(3),
  pattern: z.string().min(1),
  crossFolders: z.boolean().default(false),
  workflow: name,
  wait: name,
  start: z.strictObject({ workflowId: z.string().min(1), taskQueue: z.string().min(1).default('millrace'), params: z.record(z.string(), z.unknown()).default({}) }).optional(),
});

/** Reads `MILLRACE_ARRIVALS`, a JSON array of rules; throws with everything that is wrong. */
export function parseRules(text: string | undefined): ArrivalRule[] {
  if (text === undefined || text === '') throw new Error('MILLRACE_ARRIVALS is not set: write [{"bucket": "raw", "pattern": "incoming/data_*.csv", "workflow": "s3Etl", "wait": "arrival"}]');
  const parsed = z.array(rule).min(1).safeParse(jsonOf(text));
  if (!parsed.success) throw new Error(`MILLRACE_ARRIVALS is wrong: ${parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('; ')}`);
  return parsed.data.map(({ start, ...others }) => ({ ...others, ...(start === undefined ? {} : { start }) }));
}

/** The rules that speak of the object. */
export function rulesFor(rules: readonly ArrivalRule[], { bucket, key }: ArrivedObject): ArrivalRule[] {
  return rules.filter((candidate) => candidate.bucket === bucket && compileWildcards(candidate.pattern, candidate).matches(key));
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
