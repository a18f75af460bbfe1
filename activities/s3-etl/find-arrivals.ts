import { Context } from '@temporalio/activity';
import pMap from 'p-map';
import type { Arrivals, ArrivalRequest, ArrivedFile } from '../../src/arrivals/arrivals.js';
import { unprocessed } from '../../src/arrivals/processed-files.js';
import { assertReadiness, judgeReadiness, type Sighting } from '../../src/arrivals/readiness.js';
import type { DataInterval } from '../../src/durable/data-interval.js';
import type { ObjectInfo, ObjectStore } from '../../src/object-store/object-store.js';
import { listMatching } from '../../src/object-store/wildcards.js';
import { notYet } from '../../src/steps/not-yet.js';
import { reportProgress } from '../../src/steps/progress.js';
import { runPrefix } from '../datasets.js';
import type { Dependencies } from '../dependencies.js';

/** Requests for versions at a time. */
const HEADS_AT_A_TIME = 16;
/** Below the limit of a step's result, with room for the rest of it. */
const MOST_LISTED_BYTES = 192 * 1024;

/**
 * The sensor of arriving files: one look at what matches the pattern and no earlier run of the pipeline has processed. `NOT_YET` until
 * what the request asks for is there; then the files as the versions that they are now.
 *
 *     const arrivals = await waitFor('arrival', () => findArrivals({ pattern: 'incoming/data_*.csv', ready: { quietSeconds: 30 } }, interval));
 */
export function createFindArrivals(deps: Dependencies) {
  return async function findArrivals(request: ArrivalRequest, interval: DataInterval): Promise<Arrivals> {
    const { pattern, crossFolders = false, ready = {}, limit } = request;
    const { cancellationSignal: signal, info, log } = Context.current();
    assertReadiness(ready, limit);
    const store = deps.incoming();

    const matching: ObjectInfo[] = [];
    for await (const object of listMatching(store, pattern, { crossFolders, signal })) {
      if (object.key !== ready.marker && object.key !== ready.manifest) matching.push(object);
    }
    if (matching.length === 0) throw notYet(`nothing matches ${pattern}`);
    const fresh = await unprocessed(deps.warehouse(), interval.pipeline, matching, signal);
    if (fresh.length === 0) throw notYet(`all ${matching.length} files that match ${pattern} have been processed by earlier runs`);

    // What the last attempt has seen comes with its heartbeat.
    const previous = (info.heartbeatDetails as { sighting?: Sighting } | undefined)?.sighting;
    const verdict = await judgeReadiness({ store, matching, fresh, previous, now: Date.now(), signal }, ready);
    reportProgress({ files: fresh.length, sighting: verdict.sighting });
    if ('waitingFor' in verdict) throw notYet(`${pattern}: ${verdict.waitingFor}`);

    const taken = verdict.ready.slice(0, limit);
    const files = await pMap(taken, (object) => asSensed(store, object, signal), { concurrency: HEADS_AT_A_TIME });
    const found: Arrivals = { files, count: files.length, bytes: files.reduce((sum, { size }) => sum + size, 0), left: verdict.ready.length - taken.length };
    log.info(`${pattern}: takes ${found.count} of ${matching.length} files, ${found.bytes} bytes; processed before ${matching.length - fresh.length}, left to the next run ${found.left}`);
    return listed(deps, found, interval, signal);
  };
}

/** A listing does not tell versions: where the store keeps them, the object is asked for its own. */
async function asSensed(store: ObjectStore, listed: ObjectInfo, signal: AbortSignal): Promise<ArrivedFile> {
  const object = store.capabilities.versions ? await store.head(listed.key, { signal }) : listed;
  if (object?.etag !== listed.etag) throw notYet(`${listed.key} was replaced or removed while it was looked at`);
  const { key, bytes, etag, versionId, modifiedAt } = object;
  return { uri: store.uri(key), key, size: bytes, etag, ...(versionId === undefined ? {} : { versionId }), lastModified: modifiedAt.toISOString() };
}

/** Thousands of files go through the lake, as rows do. */
async function listed(deps: Dependencies, found: Arrivals, interval: DataInterval, signal: AbortSignal): Promise<Arrivals> {
  const text = JSON.stringify(found.files);
  if (Buffer.byteLength(text) <= MOST_LISTED_BYTES) return found;
  const { key } = await deps.lake().put(`${runPrefix('raw', interval)}arrivals.json`, text, { contentType: 'application/json', signal });
  return { ...found, files: [], listing: deps.lake().uri(key) };
}
