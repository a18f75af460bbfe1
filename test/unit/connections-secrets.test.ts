import { describe, expect, it } from 'vitest';
import { loadConnections } from '../../src/connections/connections.js';
import { createRedactor } from '../../src/connections/secrets.js';

const root = '/srv/shop';

describe('the redactor', () => {
  it("takes out every connection's secret, as it is written and as it is meant, also where the connection cannot be used", () => {
    const { redact } = loadConnections({
      root,
      env: {
        MILLRACE_CONN_SALES: 'mysql://etl:p%40ss%2fword(1)@h/db',
        MILLRACE_CONN_CUSTOMERS: 'https://:tok-en-123@h',
        MILLRACE_CONN_CATALOG: 'dynamodb://AKID:dynamo+secret@h:1/products?region=x',
        MILLRACE_CONN_CLICKS: 's3://AKID:s3%2Bsecret%2F@lake?unknown=x',
        MILLRACE_CONN_MAIL: 'smtp://etl:"quoted"@h?from=a@b&to=c@d',
        MILLRACE_CONN_WAREHOUSE: 'postgres://etl:päss-wörd@h/db',
      },
    });
    const secrets = ['p@ss/word(1)', 'tok-en-123', 'dynamo+secret', 's3+secret/', '"quoted"', 'päss-wörd'];
    for (const secret of secrets) {
      const forms = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64'), `x${secret}y`];
      for (const form of forms) expect(redact(`before ${form} after`)).toMatch(/^before x?\*\*\*y? after$/);
    }
    expect(redact('p%40ss%2fword(1)')).toBe('***');
    expect(redact('p%40ss%2Fword%281%29')).toBe('***');
    expect(redact(new URL('mysql://etl:p%40ss%2fword(1)@h/db').href)).toBe('mysql://etl:***@h/db');
    expect(redact(`Basic ${Buffer.from('etl:p@ss/word(1)').toString('base64')}`)).toBe('Basic ***');
    expect(redact(`AUTH PLAIN ${Buffer.from('\0etl\0"quoted"').toString('base64')}`)).toBe('AUTH PLAIN ***');
    expect(redact('AKID and etl at h stay')).toBe('AKID and etl at h stay');
  });

  it('takes out the address of a webhook and the key of an incident service, in whole and in part', () => {
    const env = { MILLRACE_CONN_SLACK: 'https://hooks.slack.com/services/T01/B02/s3cr3ts3cr3t', MILLRACE_CONN_INCIDENT: 'pagerduty://R0UT1NGKEY@events.pagerduty.com' };
    const { redact } = loadConnections({ root, env });
    expect(redact(`POST ${env.MILLRACE_CONN_SLACK}`)).toBe('POST ***');
    expect(redact('at /services/T01/B02/s3cr3ts3cr3t of hooks.slack.com')).toBe('at /*** of hooks.slack.com');
    expect(redact('token s3cr3ts3cr3t, key R0UT1NGKEY at events.pagerduty.com')).toBe('token ***, key *** at events.pagerduty.com');
  });

  it('takes out a setting as a whole when it cannot be read', () => {
    const { redact } = loadConnections({ root, env: { MILLRACE_CONN_SALES: 'mysql://etl:hunter#2@h' } });
    expect(redact('Invalid URL: mysql://etl:hunter#2@h')).toBe('Invalid URL: ***');
  });

  it('leaves nothing of a secret that begins with another one', () => {
    const redact = createRedactor([{ secret: 'abcd' }, { secret: 'abcdefgh' }]);
    expect(redact('abcdefgh abcd abcdef')).toBe('*** *** ***ef');
  });

  it('treats a secret as text, not as a pattern', () => {
    expect(createRedactor([{ secret: 'a.*$&' }])('a.*$& aXXX')).toBe('*** aXXX');
  });

  it('keeps the text around a secret of three characters or none as it is', () => {
    const redact = createRedactor([{ secret: 'abc' }, { secret: '' }]);
    expect(redact('abc, as easy as 123')).toBe('abc, as easy as 123');
  });
});
