import type { AlertRoute } from './alerts/routing.js';
import type { RunOptions } from './steps/run-options.js';

/**
 * Every pipeline of this project: the one list behind the CLI, the schedules, the alerts and the docs. Data only, sandbox-safe.
 */
export interface Pipeline {
  /** What the CLI, paths and tables call it. */
  name: string;
  /** The exported workflow function. */
  workflow: string;
  description: string;
  owner: string;
  taskQueue: string;
  /** Names of the connections (`MILLRACE_CONN_<NAME>`) that its steps need. */
  connections: readonly string[];
  /** Parameters beside the interval's (date, start, end, timezone), for `millrace show` and to refuse misspelt ones. */
  parameters: readonly Parameter[];
  schedule?: PipelineSchedule;
  /** Runs until it is drained, under its own name as workflow id, and has neither interval nor schedule. */
  continuous?: boolean;
  /** How its runs behave for their operator, where a run or its schedule says nothing else. */
  options?: Omit<RunOptions, 'alerts'>;
  /** Who is told of what; a run's own options replace it. */
  alerts: { routes: readonly AlertRoute[] };
  /** Tables that it publishes. */
  publishes: readonly string[];
  /** How old their data may be; who publishes on no schedule promises nothing. */
  freshness?: readonly FreshnessTarget[];
}

export interface FreshnessTarget {
  table: string;
  /** Since the end of the newest interval that was published; a daily table is a day old before its next run begins. */
  mostHours: number;
}

export interface Parameter {
  name: string;
  /** As `--param name=JSON` takes it. */
  example: string;
  description: string;
}

export interface PipelineSchedule {
  cron: string;
  /** IANA zone in which the cron expression is read and in which a day begins and ends. */
  timezone: string;
  /** How its runs behave, over what the pipeline says. */
  options?: RunOptions;
}

/** Of the pipelines of arriving files. */
const ARRIVAL_PARAMETERS: readonly Parameter[] = [
  { name: 'pattern', example: '"incoming/data_2010-12-*.csv"', description: 'which files are taken; default incoming/data_*.csv' },
  { name: 'ready', example: '{"quietSeconds": 30}', description: 'what must be there before they are taken: marker, manifest, minimum, quietSeconds' },
  { name: 'limit', example: '50', description: 'files in one run; default 200' },
];

/** What most owners want: what is wrong by mail, everything in the worker's log. */
const TOLD_BY_MAIL: readonly AlertRoute[] = [
  { channel: 'mail', atLeast: 'warning' },
  { channel: 'log', atLeast: 'info' },
];

export const CATALOG: readonly Pipeline[] = [
  {
    name: 'ecommerce-daily',
    workflow: 'ecommerceDaily',
    description: 'Daily shop: sales, customers, products and clicks become one checked order table with revenue by category and country',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['SALES', 'CUSTOMERS', 'CATALOG', 'CLICKS', 'LAKE', 'WAREHOUSE', 'MAIL'],
    parameters: [{ name: 'allowEmpty', example: '["clicks"]', description: 'sources (sales, customers, products, clicks) that may have no rows' }],
    schedule: { cron: '0 1 * * *', timezone: 'UTC' },
    alerts: { routes: TOLD_BY_MAIL },
    publishes: ['orders', 'daily_revenue_by_category', 'daily_revenue_by_country'],
    freshness: fresh(27, 'orders', 'daily_revenue_by_category', 'daily_revenue_by_country'),
  },
  {
    name: 's3-etl',
    workflow: 's3Etl',
    description: 'Files that arrive in S3 go through a Lambda function into Redshift: checked sales lines, and their revenue by file and country',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['INCOMING', 'TRANSFORM', 'LAKE', 'WAREHOUSE', 'MAIL'],
    parameters: ARRIVAL_PARAMETERS,
    schedule: { cron: '0 2 * * *', timezone: 'UTC' },
    alerts: { routes: TOLD_BY_MAIL },
    publishes: ['retail_sales', 'retail_sales_by_country'],
    // Its files may come an hour late.
    freshness: fresh(28, 'retail_sales', 'retail_sales_by_country'),
  },
  {
    name: 's3-etl-modular',
    workflow: 's3EtlModular',
    description: 'The same work as s3-etl, made of task groups that other pipelines can import',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['INCOMING', 'TRANSFORM', 'LAKE', 'WAREHOUSE', 'MAIL'],
    parameters: ARRIVAL_PARAMETERS,
    alerts: { routes: TOLD_BY_MAIL },
    publishes: ['retail_sales', 'retail_sales_by_country'],
  },
  {
    name: 's3-etl-fault-tolerant',
    workflow: 's3EtlFaultTolerant',
    description: 'The same work as s3-etl for files of any quality: a file that fails for good is set aside with its reason, and the others go on',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['INCOMING', 'TRANSFORM', 'LAKE', 'WAREHOUSE', 'MAIL'],
    parameters: ARRIVAL_PARAMETERS,
    alerts: { routes: TOLD_BY_MAIL },
    publishes: ['retail_sales', 'retail_sales_by_country'],
  },
  {
    name: 'kafka-signups',
    workflow: 'kafkaSignups',
    description: 'New users: the messages that have come to a Kafka topic are validated, staged and merged into one table by event id',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['KAFKA_DEFAULT', 'LAKE', 'WAREHOUSE', 'MAIL'],
    parameters: [
      { name: 'topic', example: '"user_signups"', description: 'the topic to read (default: user_signups)' },
      { name: 'produce', example: '2000', description: 'messages to make and produce first, for demonstrations (default: none)' },
      { name: 'malformed', example: '0.05', description: 'share of the messages made that is malformed' },
      { name: 'maxMalformed', example: '0.5', description: 'share of malformed messages above which nothing is published' },
      { name: 'allowEmpty', example: 'true', description: 'a run that finds nothing new succeeds' },
      { name: 'skipExpired', example: 'true', description: 'give up messages that retention has deleted unread, and go on with the oldest' },
    ],
    schedule: { cron: '30 1 * * *', timezone: 'UTC' },
    alerts: { routes: TOLD_BY_MAIL },
    publishes: ['user_signups'],
    freshness: fresh(27, 'user_signups'),
  },
  {
    name: 'kafka-signups-stream',
    workflow: 'kafkaSignupsStream',
    description: 'The same messages as they come: loaded in small batches, with the guarantees of kafka-signups, until the stream is drained',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['KAFKA_DEFAULT', 'LAKE', 'WAREHOUSE', 'MAIL'],
    continuous: true,
    parameters: [
      { name: 'topic', example: '"user_signups"', description: 'the topic to read (default: user_signups)' },
      { name: 'seconds', example: '10', description: 'from one batch to the next, while messages come (default: 10)' },
      { name: 'messages', example: '20000', description: 'messages with which a batch begins at once, and which it has at most (default: 20000)' },
      { name: 'late', example: '600', description: 'seconds after which people are told of a batch that has not ended (default: 600)' },
      { name: 'produce', example: '2000', description: 'messages to make and produce first, for demonstrations (default: none)' },
      { name: 'malformed', example: '0.05', description: 'share of the messages made that is malformed' },
      { name: 'maxMalformed', example: '0.5', description: 'share of malformed messages above which a batch of 100 or more is not published' },
      { name: 'skipExpired', example: 'true', description: 'give up messages that retention has deleted before the stream began' },
      { name: 'rounds', example: '50', description: 'waits for messages in one execution of the workflow (default: 50)' },
    ],
    // A stream that has failed loads nothing until somebody starts it again; one that is held goes on where it was.
    options: { onStepFailure: 'hold', holdFor: '7d' },
    alerts: { routes: TOLD_BY_MAIL },
    publishes: ['user_signups'],
  },
  {
    name: 'pipeline-monitoring',
    workflow: 'pipelineMonitoring',
    description: 'Health of every pipeline and age of every published table: as tables, as CloudWatch metrics, and as alerts for what no run can tell itself',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['LAKE', 'WAREHOUSE', 'METRICS', 'MAIL'],
    parameters: [],
    schedule: { cron: '*/15 * * * *', timezone: 'UTC' },
    alerts: { routes: TOLD_BY_MAIL },
    publishes: [],
  },
];

/** The same target for tables that one run publishes together. */
function fresh(mostHours: number, ...tables: string[]): FreshnessTarget[] {
  return tables.map((table) => ({ table, mostHours }));
}

/** Pools by name, with their slots: how many steps of `withPool(name, …)` run at once, over all pipelines. */
export const POOLS: Readonly<Record<string, number>> = {
  warehouse: 2,
};

export function findPipeline(name: string): Pipeline | undefined {
  return CATALOG.find((pipeline) => pipeline.name === name);
}

export function pipelineOfWorkflow(workflow: string): Pipeline | undefined {
  return CATALOG.find((pipeline) => pipeline.workflow === workflow);
}
