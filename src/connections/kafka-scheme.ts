import { z } from 'zod';
import { hostPort } from './configs.js';
import { parameter, required } from './fields.js';

const tls = { true: 'verify', false: 'off', 'no-verify': 'no-verify' } as const;

/** `kafka://USER:PASSWORD@host:9093,other:9093?tls=true&sasl=scram-sha-512` */
export const kafka = z
  .object({
    user: z.string().optional(),
    password: z.string().optional(),
    host: required('broker'),
    port: z.number().default(9092),
    otherHosts: z.array(z.object({ host: z.string(), port: z.number().default(9092) })).default([]),
    path: z.literal('', 'has a path: the topic is a parameter of the pipeline'),
    query: z.strictObject({
      sasl: z.enum(['plain', 'scram-sha-256', 'scram-sha-512'], 'is none of plain, scram-sha-256, scram-sha-512').optional(),
      tls: z.enum(['true', 'false', 'no-verify'], 'is none of true, false, no-verify').optional(),
      'client-id': parameter().default('millrace'),
    }),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), 'has a user without a password, or a password without a user')
  .refine(({ user, query }) => query.sasl === undefined || user !== undefined, 'has sasl= without a user and a password before the host')
  .transform(({ user, password, host, port, otherHosts, query }) => ({
    scheme: 'kafka' as const,
    brokers: [{ host, port }, ...otherHosts].map((broker) => hostPort(broker.host, broker.port)),
    // A password is sent in the clear only where the connection says so.
    tls: tls[query.tls ?? (user === undefined ? 'false' : 'true')],
    ...(user === undefined || password === undefined ? {} : { sasl: { mechanism: query.sasl ?? ('plain' as const), username: user, password } }),
    clientId: query['client-id'],
  }));
