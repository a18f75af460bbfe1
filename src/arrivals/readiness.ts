import { createHash } from 'node:crypto';
import { MillraceError } from '../errors.js';
import type { ObjectInfo, ObjectStore } from '../object-store/object-store.js';
import type { Readiness } from './arrivals.js';
import { readManifest } from './manifest.js';

/** What one look has seen, kept for the next one: a set is quiet when two looks have seen the same. */
export interface Sighting {
  fingerprint: string;
  /** Milliseconds since the epoch at which this set was seen first. */
  since: number;
}

export interface Look {
  store: ObjectStore;
  /** Everything that matches. */
  matching: readonly ObjectInfo[];
  /** What of it has not been processed. */
  fresh: readonly ObjectInfo[];
  previous: Sighting | undefined;
  /** Milliseconds since the epoch. */
  now: number;
  signal: AbortSignal;
}

export type Verdict = { ready: ObjectInfo[]; sighting: Sighting } | { waitingFor: string; sighting: Sighting };

/** Which of the fresh files may be taken; or what is still waited for, as a sentence's end. */
export async function judgeReadiness(look: Look, { marker, manifest, minimum = 1, quietSeconds = 0 }: Readiness): Promise<Verdict> {
  const sighting = sightingOf(look);
  const wait = (waitingFor: string): Verdict => ({ waitingFor, sighting });
  let ready = [...look.fresh];
  if (manifest !== undefined) {
    const missing = await missingOfManifest(look, manifest);
    if ('waitingFor' in missing) return wait(missing.waitingFor);
    ready = ready.filter(({ key }) => missing.named.has(key));
  }
  if (marker !== undefined) {
    const found = await look.store.head(marker, { signal: look.signal });
    if (!found) return wait(`${ready.length} files are there, and their marker ${marker} is not`);
    ready = ready.filter(({ modifiedAt }) => modifiedAt <= found.modifiedAt);
    if (ready.length === 0) return wait(`the marker ${marker} is older than the files that have not been processed`);
  }
  if (ready.length < Math.max(1, minimum)) return wait(`${ready.length} of at least ${minimum} new files are there`);
  const quietFor = (look.now - sighting.since) / 1000;
  if (quietFor < quietSeconds) return wait(`${ready.length} files are there, unchanged for ${Math.max(0, Math.floor(quietFor))} of ${quietSeconds} seconds`);
  return { ready, sighting };
}

async function missingOfManifest({ store, matching, signal }: Look, manifest: string): Promise<{ named: Set<string> } | { waitingFor: string }> {
  const entries = await readManifest(store, manifest, signal);
  if (!entries) return { waitingFor: `the manifest ${manifest} is not there` };
  const sizes = new Map(matching.map(({ key, bytes }) => [key, bytes]));
  const missing = entries.filter(({ key, bytes }) => !sizes.has(key) || (bytes !== undefined && sizes.get(key) !== bytes));
  if (missing.length > 0) return { waitingFor: `${missing.length} of the ${entries.length} files of the manifest ${manifest} are missing or not complete, the first is ${missing[0]!.key}` };
  return { named: new Set(entries.map(({ key }) => key)) };
}

/**
 * A set counts as quiet since its newest file was written, or, when an earlier look of this attempt's step has seen another set, since
 * this one was seen first: a file that was removed leaves no time behind.
 */
function sightingOf({ fresh, previous, now }: Look): Sighting {
  const hash = createHash('sha256');
  for (const { key, etag } of fresh) hash.update(`${key}\n${etag}\n`);
  const fingerprint = hash.digest('hex');
  const newest = Math.max(0, ...fresh.map(({ modifiedAt }) => modifiedAt.getTime()));
  if (previous === undefined) return { fingerprint, since: newest };
  return { fingerprint, since: Math.max(newest, previous.fingerprint === fingerprint ? previous.since : now) };
}

/** `BAD_PARAMS` for conditions that can never hold. */
export function assertReadiness({ minimum, quietSeconds }: Readiness, limit: number | undefined): void {
  const wrong = [
    ...(minimum === undefined || (Number.isInteger(minimum) && minimum > 0) ? [] : [`minimum ${minimum} is not a whole number above 0`]),
    ...(quietSeconds === undefined || quietSeconds >= 0 ? [] : [`quietSeconds ${quietSeconds} is negative`]),
    ...(limit === undefined || (Number.isInteger(limit) && limit > 0) ? [] : [`limit ${limit} is not a whole number above 0`]),
  ];
  if (wrong.length > 0) throw new MillraceError('BAD_PARAMS', `The sensor of arrivals is asked for what cannot be: ${wrong.join('; ')}.`);
}
