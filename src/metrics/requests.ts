import type { MetricDatum } from '@aws-sdk/client-cloudwatch';
import { unitOf, type MetricPoint } from './metric-sink.js';

/** Limits of PutMetricData: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html */
const METRICS_PER_REQUEST = 1_000;
/** 1 MB; the rest is for the names around the data. The size counts before it is compressed. */
const BYTES_PER_REQUEST = 900_000;
/** Values beyond are refused, and so are NaN and infinities. */
const LARGEST = 2 ** 360;

/** The points in their order, cut into requests that CloudWatch takes; the same points are always cut the same way. */
export function requestsOf(points: readonly MetricPoint[]): MetricDatum[][] {
  const requests: MetricDatum[][] = [];
  let bytes = 0;
  for (const datum of points.filter(isPublishable).map(datumOf)) {
    const size = Buffer.byteLength(JSON.stringify(datum));
    const last = requests.at(-1);
    if (last !== undefined && last.length < METRICS_PER_REQUEST && bytes + size <= BYTES_PER_REQUEST) {
      last.push(datum);
      bytes += size;
    } else {
      requests.push([datum]);
      bytes = size;
    }
  }
  return requests;
}

function isPublishable({ statistics }: MetricPoint): boolean {
  return Object.values(statistics).every((value: number) => Number.isFinite(value) && Math.abs(value) <= LARGEST);
}

function datumOf({ name, dimensions, at, statistics: { count, sum, min, max } }: MetricPoint): MetricDatum {
  return {
    MetricName: name,
    Dimensions: DIMENSIONS.flatMap(([key, Name]) => (dimensions[key] === undefined ? [] : [{ Name, Value: dimensions[key] }])),
    Timestamp: new Date(at),
    Unit: unitOf(name),
    ...(count === 1 ? { Value: sum } : { StatisticValues: { SampleCount: count, Sum: sum, Minimum: min, Maximum: max } }),
  };
}

const DIMENSIONS = [
  ['pipeline', 'Pipeline'],
  ['step', 'Step'],
  ['table', 'Table'],
] as const;
