import { continueAsNew, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.js';
import type { Position } from '../activities/kafka-signups/metrics.js';
import type { DataInterval } from '../src/durable/data-interval.js';
import { badParams } from '../src/durable/failures.js';
import { emitRunEvent } from '../src/durable/run-events.js';
import { withStepScope } from '../src/durable/step-scope.js';
import { batchInterval, beginningOfStream, streamControl, type StreamControl, type StreamState } from '../src/durable/stream-control.js';
import type { StreamCounts } from '../src/durable/stream.js';
import { sensors } from '../src/durable/wait-for.js';
import { whileLate } from '../src/durable/while-late.js';
import { withCleanup } from '../src/durable/with-cleanup.js';
import { API, CLEANUP, EXTRACT, STREAM_IDLE_MS, WAREHOUSE, streamLooks } from './policies.js';

const { produceSignups, fixBounds, consumeAndStage } = proxyActivities<Activities>(EXTRACT);
const { awaitSignups: lookForSignups } = proxyActivities<Activities>(API);
const { loadSignups } = proxyActivities<Activities>(WAREHOUSE);
const { removeSignupStaging } = proxyActivities<Activities>(CLEANUP);

export interface KafkaSignupsStreamParams {
  /** Default `user_signups`. */
  topic?: string;
  /** From the beginning of one batch to the next, while messages come; default 10. */
  seconds?: number;
  /** Messages with which a batch begins at once, and which it has at most; default 20 000. */
  messages?: number;
  /** Seconds after which a batch is late, and people are told how many messages wait; default 600. */
  late?: number;
  /** How many messages to make first, for demonstrations; default none: others fill the topic. */
  produce?: number;
  /** Share of them that is malformed, 0 to 1. */
  malformed?: number;
  /** Share of malformed messages above which a batch of at least 100 is not published; default 0.5. */
  maxMalformed?: number;
  /** Give up messages that retention has deleted before this stream began, and go on with the oldest that is there. */
  skipExpired?: boolean;
  /** Waits for messages after which the workflow continues as new; default 50. */
  rounds?: number;
}

/** What is carried from one execution to the next. */
export interface SignupsStreamState extends StreamState {
  produced: number;
  /** Where the next batch begins; absent when the warehouse has to be asked. */
  positions?: Position[];
  /** When the newest batch began, in milliseconds since the epoch. */
  batchAt: number;
}

export interface KafkaSignupsStreamResult extends StreamCounts {
  topic: string;
  produced: number;
}

type Stream = StreamControl<SignupsStreamState>;
type Settings = ReturnType<typeof settingsOf>;

/** New users as they come: batch after batch of a topic, each with the steps and guarantees of the daily run, until it is drained. */
export async function kafkaSignupsStream(params: KafkaSignupsStreamParams = {}, before: SignupsStreamState = beginning()): Promise<KafkaSignupsStreamResult> {
  const settings = settingsOf(params);
  const stream = streamControl(before, params.rounds);
  const { state } = stream;
  if (settings.produce > 0 && state.begun === 0) state.produced = (await produceSignups({ ...settings, count: settings.produce }, batchInterval(0))).produced;

  for (;;) {
    const found = await stream.waiting(() => messagesToLoad(state, settings));
    const isLast = stream.isDraining();
    if (isLast || (found?.waiting ?? 0) > 0) {
      const isLoaded = await stream.batch((interval) => whileLate(settings.late * 1000, () => tellLag(state, settings), () => loadBatch(stream, settings, isLast, interval)));
      if (isLast && isLoaded) break;
    }
    if (await stream.shouldContinue()) await continueAsNew<typeof kafkaSignupsStream>(params, state);
  }
  stream.ended();
  const { since: _since, begun: _begun, batchAt: _batchAt, positions: _positions, ...counts } = state;
  return { topic: settings.topic, ...counts };
}

/** Messages of a batch from which on the share of malformed ones says something. */
const TELLING_BATCH = 100;

/** Whether the batch was loaded; not where another load was faster with its messages. */
async function loadBatch(stream: Stream, { topic, messages, maxMalformed, skipExpired }: Settings, isLast: boolean, interval: DataInterval): Promise<boolean> {
  const { state } = stream;
  state.batchAt = Date.now();
  const batch = await fixBounds(topic, skipExpired && state.batches === 0, interval, { group: `millrace-${interval.pipeline}-${topic}`, ...(isLast ? {} : { most: messages }) });
  state.positions = batch.ranges.map(({ partition, from }) => ({ partition, offset: from }));
  if (batch.offsets === 0) {
    // What had waited behind the batch before, somebody else has loaded.
    state.lag = 0;
    return true;
  }
  // Nobody re-runs a batch: after a failure the next stream reads its messages again.
  return withCleanup((outcome) => removeSignupStaging(interval, outcome === 'completed' ? outcome : 'cancelled'), async () => {
    const staged = await consumeAndStage(batch, true, interval);
    const loaded = await loadSignups(staged, batch, staged.read < TELLING_BATCH ? 1 : maxMalformed, interval);
    if (loaded.outrun === true) {
      state.outrun += 1;
      delete state.positions;
      return false;
    }
    state.positions = batch.ranges.map(({ partition, to }) => ({ partition, offset: to }));
    stream.loaded({ ...staged, ...loaded });
    return true;
  });
}

async function messagesToLoad({ positions, batchAt, lag }: SignupsStreamState, { topic, seconds, messages }: Settings): Promise<{ waiting: number }> {
  if (positions === undefined || lag >= messages) return { waiting: 1 };
  const { awaitSignups } = sensors<Activities>(streamLooks(seconds));
  return awaitSignups({ topic, positions, messages, due: batchAt + seconds * 1000, until: Date.now() + STREAM_IDLE_MS });
}

/** A step is held, or slow: meanwhile the topic runs ahead. */
async function tellLag({ positions = [], begun, batchAt }: SignupsStreamState, { topic }: Settings): Promise<void> {
  const { waiting } = await withStepScope({ mayHold: false }, () => lookForSignups({ topic, positions, messages: 0, due: 0, until: 0 }));
  emitRunEvent({ kind: 'lagging', what: `batch[${begun}]`, since: new Date(batchAt).toISOString(), topic, waiting });
}

function beginning(): SignupsStreamState {
  return { ...beginningOfStream(), produced: 0, batchAt: 0 };
}

function settingsOf({ topic = 'user_signups', seconds = 10, messages = 20_000, late = 600, produce = 0, malformed = 0, maxMalformed = 0.5, skipExpired = false }: KafkaSignupsStreamParams) {
  for (const [name, value] of Object.entries({ seconds, late })) if (!(value > 0)) throw badParams(`${name} ${value} is not a number of seconds above 0`);
  if (!(Number.isInteger(messages) && messages > 0)) throw badParams(`messages ${messages} is not a whole number above 0`);
  return { topic, seconds, messages, late, produce, malformed, maxMalformed, skipExpired };
}
