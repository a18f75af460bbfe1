import { describe, expect, it } from 'vitest';
import { readNotification } from '../../lambda/arrival/notifications.js';
import { parseRules, rulesFor } from '../../lambda/arrival/rules.js';

/** As S3 documents its own message: keys are encoded as in forms. */
const DIRECT = {
  Records: [
    {
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      eventTime: '2010-12-01T08:26:00.123Z',
      eventName: 'ObjectCreated:Put',
      s3: { bucket: { name: 'raw' }, object: { key: 'incoming/data+of+the+day_%C3%BC%2B1.csv', size: 5, eTag: 'abc', versionId: 'v1', sequencer: '0A' } },
    },
    { eventName: 'ObjectRemoved:Delete', s3: { bucket: { name: 'raw' }, object: { key: 'x' } } },
  ],
};
const FROM_DIRECT = [{ bucket: 'raw', key: 'incoming/data of the day_ü+1.csv', etag: 'abc', versionId: 'v1', at: '2010-12-01T08:26:00.123Z' }];

describe('a notification of S3', () => {
  it('is read as S3 itself sends it, without what is no arrival', () => {
    expect(readNotification(DIRECT)).toEqual(FROM_DIRECT);
  });

  it('is read as EventBridge sends it', () => {
    const event = {
      version: '0',
      'detail-type': 'Object Created',
      source: 'aws.s3',
      time: '2010-12-01T08:26:00Z',
      detail: { bucket: { name: 'raw' }, object: { key: 'incoming/data+1 ü.csv', size: 5, etag: 'abc', 'version-id': 'v1' }, reason: 'PutObject' },
    };
    expect(readNotification(event)).toEqual([{ bucket: 'raw', key: 'incoming/data+1 ü.csv', etag: 'abc', versionId: 'v1', at: '2010-12-01T08:26:00Z' }]);
    expect(readNotification({ ...event, 'detail-type': 'Object Deleted' })).toEqual([]);
  });

  it('is read through a queue and through a topic', () => {
    expect(readNotification({ Records: [{ body: JSON.stringify(DIRECT) }, { body: JSON.stringify({ Event: 's3:TestEvent' }) }] })).toEqual(FROM_DIRECT);
    expect(readNotification({ Records: [{ Sns: { Message: JSON.stringify(DIRECT) } }] })).toEqual(FROM_DIRECT);
  });

  it.each([[null], ['text'], [{}], [{ Records: [{ body: 'no JSON' }] }], [{ Records: [{ dynamodb: {} }] }]])('is not what has another shape: %j', (event) => {
    expect(readNotification(event)).toBeUndefined();
  });
});

describe('the rules of arrivals', () => {
  const RULE = { bucket: 'raw', pattern: 'incoming/data_*.csv', workflow: 's3Etl', wait: 'ingest.arrival' };

  it('choose by bucket and by the whole key', () => {
    const rules = parseRules(JSON.stringify([RULE, { ...RULE, bucket: 'other' }, { ...RULE, pattern: 'incoming/*.csv', crossFolders: true }]));
    expect(rulesFor(rules, { bucket: 'raw', key: 'incoming/data_1.csv' })).toHaveLength(2);
    expect(rulesFor(rules, { bucket: 'raw', key: 'incoming/old/data_1.csv' })).toHaveLength(1);
    expect(rulesFor(rules, { bucket: 'raw', key: 'incoming/data_1.csv.part' })).toHaveLength(0);
  });

  it.each([undefined, '', 'no JSON', '[]', JSON.stringify([{ ...RULE, workflow: "x' OR '1" }]), JSON.stringify([{ ...RULE, typo: 1 }])])('are refused with the name of their setting: %s', (text) => {
    expect(() => parseRules(text)).toThrow(/^MILLRACE_ARRIVALS is/);
  });
});
