import { CloudWatchClient, PutMetricDataCommand, type MetricDatum } from '@aws-sdk/client-cloudwatch';
import { MillraceError } from '../errors.js';
import { cloudWatchError, hasNotArrived } from './cloudwatch-errors.js';
import type { MetricSink, Publication } from './metric-sink.js';
import { requestsOf } from './requests.js';
import type { Sendings } from './sendings.js';

export interface CloudWatchOptions {
  region: string;
  /** `Millrace` */
  namespace: string;
  /** Whether there are metrics for single steps: each of them is one that AWS charges for. Default true. */
  steps?: boolean;
  /** Only for servers other than AWS. */
  endpoint?: string;
  /** Default: what the SDK finds (environment, profile, role of the machine or container). */
  credentials?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  /** What was sent before, by whichever worker. */
  sendings: Sendings;
}

/** For one request, in milliseconds; less than after which `Sendings` gives a request up. */
export const REQUEST_TIMEOUT_MS = 20_000;
/** Older data is refused, and so is what lies more than two hours ahead. */
const OLDEST_MS = 14 * 24 * 3_600_000;

/**
 * Amazon CloudWatch. PutMetricData adds to what is there and has no idempotency token: so a request is noted before it is sent, and one
 * of which nobody knows whether it has arrived is not sent again. For the same reason the SDK does not retry by itself.
 */
export function createCloudWatchMetrics({ region, namespace, steps = true, endpoint, credentials, sendings }: CloudWatchOptions): MetricSink {
  const description = `cloudwatch://${region}/${namespace}`;
  const client = new CloudWatchClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 1,
    requestHandler: { connectionTimeout: 5_000, requestTimeout: REQUEST_TIMEOUT_MS, throwOnRequestTimeout: true },
  });

  async function put(MetricData: MetricDatum[], signal: AbortSignal): Promise<void> {
    await client.send(new PutMetricDataCommand({ Namespace: namespace, MetricData }), { abortSignal: signal });
  }

  /** How many points are there now, and of how many nobody knows. */
  async function sendOnce(key: string, data: MetricDatum[], signal: AbortSignal): Promise<Pick<Publication, 'published' | 'unsure'>> {
    signal.throwIfAborted();
    const state = await sendings.begin(key, signal);
    if (state === 'sent') return { published: data.length, unsure: 0 };
    if (state === 'unsure') return { published: 0, unsure: data.length };
    if (state === 'under way') throw new MillraceError('METRICS_UNAVAILABLE', `Another attempt is sending ${key} to ${description} at this moment. It is looked at again in a while.`);
    try {
      await put(data, signal);
    } catch (error) {
      if (hasNotArrived(error)) await sendings.undo(key);
      signal.throwIfAborted();
      throw cloudWatchError(error, description);
    }
    await sendings.sent(key);
    return { published: data.length, unsure: 0 };
  }

  return {
    description,
    async publish({ id, points }, { signal }) {
      const wanted = points.filter(({ dimensions }) => steps || dimensions.step === undefined);
      const oldest = Date.now() - OLDEST_MS;
      // Cut before old points are left out: the same request has the same key, whenever it is sent.
      const requests = requestsOf(wanted);
      const publication: Publication = { published: 0, unsure: 0, tooOld: 0 };
      for (const [index, request] of requests.entries()) {
        const data = request.filter(({ Timestamp }) => Timestamp!.getTime() > oldest);
        publication.tooOld += request.length - data.length;
        if (data.length === 0) continue;
        const { published, unsure } = await sendOnce(`${SENDINGS}${id}/${index + 1}`, data, signal);
        publication.published += published;
        publication.unsure += unsure;
      }
      return publication;
    },
    async check() {
      try {
        // Changes nothing: CloudWatch takes no request without a metric.
        await put([], AbortSignal.timeout(REQUEST_TIMEOUT_MS));
      } catch (error) {
        const failure = cloudWatchError(error, description);
        if (failure.code !== 'METRICS_REJECTED') throw failure;
      }
      return `CloudWatch in ${region} answers; whether these credentials may publish to ${namespace} shows when they do.`;
    },
    async close() {
      client.destroy();
    },
  };
}

/** Where the notes lie in the store. */
const SENDINGS = 'monitoring/cloudwatch/';
