import type { Client } from '@temporalio/client';
import { CATALOG } from '../../catalog.js';
import { changesBetween, describeSchedule, wantedSchedule } from '../../schedules/apply-schedules.js';
import { pollersOf } from '../../runs/pollers.js';
import { missingSearchAttributes, registerSearchAttributes } from '../../runs/search-attributes.js';
import { SEARCH_ATTRIBUTE_NAMES } from '../../steps/search-attributes.js';
import { messageOf, toCliError } from '../cli-error.js';
import type { TemporalTarget } from '../temporal-client.js';
import { fail, ok, warn, type Finding } from './finding.js';
import { checkStuckRuns } from './stuck.js';

/** What can be asked of a server that answers: its version, the namespace, search attributes (made where `fix`), workers, schedules, stuck runs. */
export async function checkTemporal(client: Client, target: TemporalTarget, fix: boolean): Promise<Finding[]> {
  const { serverVersion } = await client.workflowService.getSystemInfo({});
  const server = ok('temporal', `server ${serverVersion} at ${target.address} ${target.source}`);
  const namespace = await checkNamespace(client, target);
  if (namespace.state === 'fail') return [server, namespace];
  const attributes = await checkSearchAttributes(client, target, fix);
  const queues = [...new Set(CATALOG.map(({ taskQueue }) => taskQueue))];
  return [server, namespace, attributes, ...(await Promise.all(queues.map((queue) => checkWorker(client, queue)))), ...(await checkSchedules(client)), ...(await checkStuckRuns(client))];
}

async function checkNamespace(client: Client, { namespace, address }: TemporalTarget): Promise<Finding> {
  try {
    const { config } = await client.workflowService.describeNamespace({ namespace });
    const days = Math.round(Number(config?.workflowExecutionRetentionTtl?.seconds ?? 0) / 86_400);
    return ok('namespace', `${namespace}, keeps ended runs for ${days} ${days === 1 ? 'day' : 'days'}`);
  } catch (error) {
    const { message, remedy } = toCliError(error, address);
    return fail('namespace', message, remedy);
  }
}

/** Without them runs go on, and cannot be searched by what they do. */
async function checkSearchAttributes(client: Client, { namespace, address }: TemporalTarget, fix: boolean): Promise<Finding> {
  const subject = 'search attributes';
  try {
    const added = fix ? await registerSearchAttributes(client.connection, namespace) : [];
    const missing = fix ? [] : await missingSearchAttributes(client.connection, namespace);
    if (missing.length > 0) return warn(subject, `${missing.join(', ')} not registered in ${namespace}`, 'millrace doctor --fix');
    return ok(subject, added.length === 0 ? SEARCH_ATTRIBUTE_NAMES.join(', ') : `${added.join(', ')} registered now`);
  } catch (error) {
    const { message } = toCliError(error, address);
    return warn(subject, message, `have an administrator register the keywords ${SEARCH_ATTRIBUTE_NAMES.join(', ')}`);
  }
}

async function checkWorker(client: Client, queue: string): Promise<Finding> {
  const subject = `worker ${queue}`;
  const { workflows, activities } = await pollersOf(client, queue);
  const polled = [...new Set([...workflows, ...activities])];
  const remedy = `start one: npm start, or MILLRACE_TASK_QUEUE=${queue} node dist/workers/main.js`;
  if (polled.length === 0) return fail(subject, `nobody polls task queue ${queue}: runs wait`, remedy);
  if (workflows.length === 0 || activities.length === 0) return fail(subject, `task queue ${queue} is polled for ${workflows.length > 0 ? 'workflows' : 'activities'} only`, remedy);
  return ok(subject, `polled by ${polled.join(', ')}`);
}

async function checkSchedules(client: Client): Promise<Finding[]> {
  return Promise.all(
    CATALOG.flatMap((pipeline) => {
      const { name, schedule } = pipeline;
      if (schedule === undefined) return [];
      return [
        describeSchedule(client, name).then(async (present): Promise<Finding> => {
          const subject = `schedule ${name}`;
          try {
            const wanted = await wantedSchedule(client, pipeline, schedule, new Date());
            if (present === undefined) return warn(subject, 'not applied: the pipeline runs by hand only', `millrace schedule apply ${name}`);
            const changes = changesBetween(present, wanted);
            if (changes.length > 0) return warn(subject, `differs from the catalog in ${changes.map(({ field }) => field).join(', ')}`, `millrace schedule apply ${name}`);
            return present.state.paused ? warn(subject, `paused: ${present.state.note ?? ''}`, `millrace schedule resume ${name}`) : ok(subject, `${schedule.cron} ${schedule.timezone}`);
          } catch (error) {
            return fail(subject, messageOf(error), 'correct src/catalog.ts');
          }
        }),
      ];
    }),
  );
}
