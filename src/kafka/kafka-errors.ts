import { MillraceError, isMillraceError, type ErrorCode } from '../errors.js';

/** What a call needs: named when a broker refuses it. */
export interface Needs {
  /** On the topic. */
  right: 'Describe' | 'Read' | 'Write';
  topic: string;
  group?: string;
}

type Advice = string | ((needs: Needs | undefined) => string);

/** What a broker answers, by the name that the protocol gives it, and what kafkajs raises itself. */
const TYPES: readonly { code: ErrorCode; advice: Advice; types: readonly string[] }[] = [
  // People create topics; a retry would meet the same broker.
  { code: 'SOURCE_MISSING', advice: 'Create the topic, or correct its name.', types: ['UNKNOWN_TOPIC_OR_PARTITION', 'UNKNOWN_TOPIC_ID', 'INVALID_TOPIC_EXCEPTION'] },
  // Credentials and grants are changed by people.
  { code: 'SOURCE_FORBIDDEN', advice: (needs) => `Give the user ${rightOnTopic(needs)}.`, types: ['TOPIC_AUTHORIZATION_FAILED'] },
  { code: 'SOURCE_FORBIDDEN', advice: (needs) => `Give the user Read on the group${needs?.group === undefined ? '' : ` ${needs.group}`}.`, types: ['GROUP_AUTHORIZATION_FAILED'] },
  // Of idempotent producers alone: before Kafka 3.0 the right on the topic did not include it.
  { code: 'SOURCE_FORBIDDEN', advice: (needs) => `Give the user ${rightOnTopic(needs)}, and on brokers before 3.0 IdempotentWrite on the cluster.`, types: ['CLUSTER_AUTHORIZATION_FAILED'] },
  {
    code: 'SOURCE_FORBIDDEN',
    advice: 'Check user, password, sasl= and tls= of the connection, and what the user may do.',
    types: [
      'KafkaJSSASLAuthenticationError',
      'SASL_AUTHENTICATION_FAILED',
      'UNSUPPORTED_SASL_MECHANISM',
      'ILLEGAL_SASL_STATE',
      'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
    ],
  },
  // The same request is refused on every attempt.
  { code: 'SOURCE_REJECTED', advice: 'Correct the request.', types: ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_GROUP_ID', 'POLICY_VIOLATION', 'INVALID_REQUEST', 'UNSUPPORTED_VERSION'] },
  { code: 'SOURCE_REJECTED', advice: 'Another program uses this group: choose a group of its own.', types: ['INCONSISTENT_GROUP_PROTOCOL'] },
  // The same bytes are malformed on every attempt.
  { code: 'SOURCE_MALFORMED', advice: 'A batch of the topic cannot be read.', types: ['KafkaJSNotImplemented', 'CORRUPT_MESSAGE', 'UNSUPPORTED_COMPRESSION_TYPE'] },
];

/**
 * Translates what kafkajs raises once its own retries are used up. Its messages hold addresses, and never a password. `groupRefused`:
 * a broker has said so where kafkajs raises something else.
 */
export function kafkaError(error: unknown, where: string, needs?: Needs, groupRefused = false): MillraceError {
  if (isMillraceError(error)) return error;
  const chain = causes(error);
  const said = messageOf(chain.at(-1)).replace(/[.!]$/, '');
  const told = [...(groupRefused ? ['GROUP_AUTHORIZATION_FAILED'] : []), ...chain.flatMap(({ type, name }) => [String(type), String(name)])];
  const known = TYPES.find(({ types }) => told.some((name) => types.includes(name)));
  if (known) return new MillraceError(known.code, `${where}: ${said}. ${typeof known.advice === 'string' ? known.advice : known.advice(needs)}`, { cause: error });
  return new MillraceError('SOURCE_UNAVAILABLE', `${where} cannot be reached or failed: ${said}. Check the brokers and the network.`, { cause: error });
}

/** Certificates are changed by people. */
export function untrustedCertificate(address: string, cause: Error): MillraceError {
  return new MillraceError('SOURCE_FORBIDDEN', `The TLS certificate of kafka://${address} is not trusted (${cause.message.replace(/[.!]$/, '')}). Renew it, or give its CA to Node by NODE_EXTRA_CA_CERTS.`, { cause });
}

function rightOnTopic(needs: Needs | undefined): string {
  return needs === undefined ? 'the right that it needs on the topic' : `${needs.right} on the topic ${needs.topic}`;
}

const STARTING = ['GROUP_LOAD_IN_PROGRESS', 'GROUP_COORDINATOR_NOT_AVAILABLE'];

/** The broker says that it knows its groups in a moment: kafkajs, which tries everything else again, gives up when a join is answered so. */
export function coordinatorStarts(error: unknown): boolean {
  return causes(error).some(({ type }) => STARTING.includes(String(type)));
}

interface Raised {
  name?: unknown;
  message?: unknown;
  type?: unknown;
  code?: unknown;
}

/** The error and what it was caused by, the innermost last: kafkajs wraps what made it give up. */
function causes(error: unknown): Raised[] {
  const chain: Raised[] = [];
  for (let current = error; typeof current === 'object' && current !== null && chain.length < 10; current = innerOf(current)) chain.push(current);
  return chain.length === 0 ? [{ message: String(error) }] : chain;
}

function innerOf(error: object): unknown {
  const { cause, errors } = error as { cause?: unknown; errors?: unknown[] };
  return cause ?? errors?.[0];
}

function messageOf(raised: Raised | undefined): string {
  if (typeof raised?.message === 'string' && raised.message !== '') return raised.message;
  return typeof raised?.name === 'string' ? raised.name : 'unknown error';
}
