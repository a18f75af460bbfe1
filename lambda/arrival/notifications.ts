import { z } from 'zod';

/** One object that has been created, as any of the ways of telling it says. */
export interface ArrivedObject {
  bucket: string;
  key: string;
  etag?: string;
  versionId?: string;
  /** When S3 created it; ISO 8601. */
  at?: string;
}

const eventBridge = z.object({
  'detail-type': z.string(),
  time: z.string().optional(),
  detail: z.object({
    bucket: z.object({ name: z.string() }),
    object: z.object({ key: z.string(), etag: z.string().optional(), 'version-id': z.string().optional() }),
  }),
});

const direct = z.object({
  Records: z.array(
    z.object({
      eventName: z.string(),
      eventTime: z.string().optional(),
      s3: z.object({
        bucket: z.object({ name: z.string() }),
        object: z.object({ key: z.string(), eTag: z.string().optional(), versionId: z.string().optional() }),
      }),
    }),
  ),
});

/** Whatever carries notifications on: a queue (SQS) or a topic (SNS). */
const carried = z.object({ Records: z.array(z.union([z.object({ body: z.string() }), z.object({ Sns: z.object({ Message: z.string() }) })])) });

/**
 * The objects that a notification tells of: from EventBridge, from S3 itself, or either of them through SQS or SNS. `undefined` for an event
 * of another shape; an empty list for what is no arrival (a removal, the test event that S3 sends when notifications are set up).
 */
export function readNotification(event: unknown): ArrivedObject[] | undefined {
  if ((event as { Event?: unknown } | null)?.Event === 's3:TestEvent') return [];
  const bridge = eventBridge.safeParse(event);
  if (bridge.success) return bridge.data['detail-type'] === 'Object Created' ? [fromEventBridge(bridge.data)] : [];
  const s3 = direct.safeParse(event);
  if (s3.success) return s3.data.Records.filter(({ eventName }) => /^(s3:)?ObjectCreated:/.test(eventName)).map(fromS3);
  const message = carried.safeParse(event);
  if (!message.success) return undefined;
  const inner = message.data.Records.map((record) => readNotification(parseJson('body' in record ? record.body : record.Sns.Message)));
  return inner.includes(undefined) ? undefined : inner.flatMap((objects) => objects ?? []);
}

function fromEventBridge({ time, detail: { bucket, object } }: z.infer<typeof eventBridge>): ArrivedObject {
  return { bucket: bucket.name, key: object.key, ...known('etag', object.etag), ...known('versionId', object['version-id']), ...known('at', time) };
}

/** S3 itself encodes keys as forms do: a space is a plus sign. EventBridge does not. */
function fromS3({ eventTime, s3: { bucket, object } }: z.infer<typeof direct>['Records'][number]): ArrivedObject {
  const key = decodeURIComponent(object.key.replaceAll('+', ' '));
  return { bucket: bucket.name, key, ...known('etag', object.eTag), ...known('versionId', object.versionId), ...known('at', eventTime) };
}

function known<N extends string>(name: N, value: string | undefined): Partial<Record<N, string>> {
  return value === undefined || value === '' ? {} : ({ [name]: value } as Record<N, string>);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
