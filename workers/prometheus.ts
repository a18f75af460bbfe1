import type { MetricsExporterConfig } from '@temporalio/worker';

/** Powers of ten from one message to ten millions. */
const MESSAGES = Array.from({ length: 8 }, (_, power) => 10 ** power);

/** Serves Temporal's metrics and ours to Prometheus at `host:port`, under `/metrics`. */
export function prometheusAt(bindAddress: string): MetricsExporterConfig {
  return { prometheus: { bindAddress, countersTotalSuffix: true, histogramBucketOverrides: { millrace_kafka_batch_messages: MESSAGES } } };
}
