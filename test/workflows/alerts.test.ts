import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ApplicationFailure, WorkflowFailedError, WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, Runtime, Worker, type LogEntry } from '@temporalio/worker';
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import type { RunEvent } from '../../src/durable/run-events.js';
import {
  createIncidents,
  createMailAlerts,
  createMailer,
  createSendAlert,
  createSlack,
  MillraceError,
  MillracePlugin,
  OPERATOR_UPDATES,
  STEPS_QUERY,
  type AlertRoute,
  type AlertSink,
  type RunOptions,
} from '../../src/index.js';
import { startStuckAlert } from '../../src/steps/stuck-alert.js';
import { sendJson, startHttpServer, type HttpServer } from '../servers/http.js';
import { startSmtpServer, type RunningSmtpServer } from '../servers/smtp.js';
import { locateTemporal, startTemporal, type TemporalServer } from '../servers/temporal.js';
import { describeWithServer } from '../support/with-server.js';
import { backfill, broken, checked, end, eventful, mendable, tell } from '../fixtures/alert-workflows.js';

const until = '2030-01-01T00:00:00.000Z';
const held = (step: string): RunEvent => ({ kind: 'held', step, errorCode: 'SOURCE_UNAVAILABLE', message: 'it answered 503', until });
const recovered = (step: string): RunEvent => ({ kind: 'recovered', step, how: 'retried', by: 'anna@host' });
const to = (channel: AlertRoute['channel'], atLeast: AlertRoute['atLeast'] = 'warning'): AlertRoute => ({ channel, atLeast });
const WAIT = { timeout: 60_000, interval: 50 };
vi.setConfig({ testTimeout: 180_000 });

describeWithServer('alerts of a run', locateTemporal, () => {
  let temporal: TemporalServer;
  let worker: Worker;
  let running: Promise<void>;
  let smtp: RunningSmtpServer;
  let slack: HttpServer;
  let incidents: HttpServer;
  const logged: LogEntry[] = [];
  let slackIsSet = true;
  /** Ids of workflows whose steps succeed. */
  const mended = new Set<string>();

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('INFO', (entry) => logged.push(entry)) });
    temporal = await startTemporal();
    smtp = await startSmtpServer();
    slack = await startHttpServer((_call, response) => void response.end('ok'));
    incidents = await startHttpServer((_call, response) => sendJson(response, { status: 'success' }, 202));
    const redact = (text: string): string => text.replaceAll('hunter22', '***');
    const sinks = {
      mail: createMailAlerts(createMailer({ host: smtp.host, port: smtp.port, secure: false, from: 'etl@localhost', to: ['team@localhost'], starttls: 'never', redact })),
      slack: createSlack({ url: `${slack.url}/services/hook`, redact, timeoutMs: 2_000 }),
      incident: createIncidents({ baseUrl: incidents.url, routingKey: 'key', redact }),
    };
    const missing = (): AlertSink => {
      throw new MillraceError('CONNECTION_MISSING', 'MILLRACE_CONN_SLACK (slack) is not set.');
    };
    worker = await Worker.create({
      connection: temporal.env.nativeConnection,
      taskQueue: 'alerts',
      workflowsPath: fileURLToPath(new URL('../fixtures/alert-workflows.ts', import.meta.url)),
      activities: {
        sendAlert: createSendAlert({
          alertSinks: { mail: () => sinks.mail, slack: () => (slackIsSet ? sinks.slack : missing()), incident: () => sinks.incident },
          redact,
          webUi: 'http://web-ui.example',
        }),
        fail: async () => {
          throw ApplicationFailure.nonRetryable('it answered 503', 'SOURCE_UNAVAILABLE');
        },
        flaky: async (workflowId: string) => {
          if (!mended.has(workflowId)) throw ApplicationFailure.nonRetryable('it answered 503', 'SOURCE_UNAVAILABLE');
        },
        check: async () => ({
          checks: [
            { name: 'line count', severity: 'WARN', passed: false, observed: '12', expected: '3,000 to 4,000' },
            { name: 'keys', severity: 'ERROR', passed: true, observed: 'all', expected: 'all' },
          ],
        }),
      },
      plugins: [new MillracePlugin({ redact })],
    });
    running = worker.run();
  });
  afterAll(async () => {
    worker?.shutdown();
    await running;
    await Promise.all([smtp?.stop(), slack?.stop(), incidents?.stop()]);
    await temporal?.stop();
  });
  beforeEach(() => {
    slack.answer((_call, response) => void response.end('ok'));
    slackIsSet = true;
  });

  type Run = WorkflowHandle & { firstExecutionRunId: string };
  const startWith = (workflow: (...args: never[]) => Promise<void>, millrace: RunOptions, args: unknown[] = []): Promise<Run> =>
    temporal.env.client.workflow.start(workflow.name, { taskQueue: 'alerts', workflowId: randomUUID(), args, memo: { millrace } });
  const start = (workflow: () => Promise<void>, ...alerts: AlertRoute[]): Promise<Run> => startWith(workflow, { alerts });
  const alertOf = (run: Run, suffix = ''): WorkflowHandle => temporal.env.client.workflow.getHandle(`alert-${run.firstExecutionRunId}${suffix}`);
  const subjects = (run: WorkflowHandle): (string | undefined)[] => smtp.mails.filter(({ text }) => text?.includes(run.workflowId)).map(({ subject }) => subject);
  const callsOf = (server: HttpServer, run: WorkflowHandle): string[] => server.calls.map(({ body }) => body).filter((body) => body.includes(run.workflowId));

  it('tells the holds of one run in one message, and that all of them go on in one other', async () => {
    const run = await start(eventful, to('mail'));
    await run.signal(tell, [held('a')]);
    const gathers = async (): Promise<boolean> => (await alertOf(run).fetchHistory()).events!.some((event) => event.timerStartedEventAttributes);
    await vi.waitFor(async () => expect(await gathers()).toBe(true), WAIT);
    await run.signal(tell, [held('b')]);
    await vi.waitFor(() => expect(subjects(run)).toEqual(['[millrace] eventful is held at a and 1 more step']), WAIT);
    await alertOf(run).result();
    await run.signal(tell, [recovered('a')]);
    // Answered when the signal has been worked on.
    await run.query(STEPS_QUERY);
    const { events } = await run.fetchHistory();
    const lastSignal = events!.findLastIndex((event) => event.workflowExecutionSignaledEventAttributes);
    expect(events!.slice(lastSignal).some((event) => event.signalExternalWorkflowExecutionInitiatedEventAttributes)).toBe(false);
    await run.signal(tell, [recovered('b')]);
    await run.signal(end, 'complete');
    await run.result();
    await alertOf(run, '-2').result();
    expect(subjects(run).slice(1)).toEqual(['[millrace] eventful goes on after a hold']);
  });

  it('says of a run that fails after a hold that it was held, in one message', async () => {
    const run = await start(eventful, to('mail'));
    await run.signal(tell, [held('fail')]);
    await vi.waitFor(() => expect(subjects(run)).toHaveLength(1), WAIT);
    await run.signal(end, 'fail');
    await expect(run.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    await vi.waitFor(() => expect(subjects(run)[1]).toBe('[millrace] eventful failed at fail after it was held'), WAIT);
  });

  it('tells the holds of the plugin, and their end, as they happen', async () => {
    const run = await startWith(mendable, { onStepFailure: 'hold', alerts: [to('mail')] });
    await vi.waitFor(() => expect(subjects(run)[0]).toMatch(/is held at flaky(#2)? and 1 more step$/), WAIT);
    mended.add(run.workflowId);
    const order = { by: 'anna@host' };
    await run.executeUpdate(OPERATOR_UPDATES.retry, { args: [{ ...order, step: 'flaky' }] });
    await run.executeUpdate(OPERATOR_UPDATES.skip, { args: [{ ...order, step: 'flaky#2', why: 'not today' }] });
    await run.result();
    await vi.waitFor(() => expect(subjects(run)[1]).toBe('[millrace] mendable goes on after a hold'), WAIT);
    const text = smtp.mails.findLast((mail) => mail.text?.includes(run.workflowId))!.text;
    expect(text).toContain('flaky (retried by anna@host)');
    expect(text).toContain('flaky#2 (skipped by anna@host: not today)');
  });

  it('tells of a hold that was given up that the run failed after it', async () => {
    const run = await startWith(mendable, { onStepFailure: 'hold', alerts: [to('mail')] });
    await vi.waitFor(() => expect(subjects(run)).toHaveLength(1), WAIT);
    await run.executeUpdate(OPERATOR_UPDATES.fail, { args: [{ by: 'anna@host', step: 'flaky' }] });
    await expect(run.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    await vi.waitFor(() => expect(subjects(run)[1]).toBe('[millrace] mendable failed at flaky after it was held'), WAIT);
  });

  it('tells the people of a pipeline once that its backfill has failed', async () => {
    const run = await startWith(backfill, {}, [{ pipeline: 'ecommerce-daily', from: '2010-12-01', to: '2010-12-31' }]);
    await expect(run.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    await alertOf(run).result();
    expect(subjects(run)).toEqual(['[millrace] ecommerce-daily backfill 2010-12-01 to 2010-12-31 failed']);
    const { text } = smtp.mails.find((mail) => mail.text?.includes(run.workflowId))!;
    expect(text).toContain(`millrace backfill watch ${run.workflowId}`);
    expect(text).toContain('data-team');
  });

  it('reaches one channel while another is down, and the other with everything in one message when it is back', async () => {
    slack.answer((_call, response) => void response.writeHead(500).end('down'));
    const run = await start(eventful, to('slack'), to('mail'));
    await run.signal(tell, [held('a')]);
    await vi.waitFor(() => expect(subjects(run)).toHaveLength(1), WAIT);
    await run.signal(tell, [recovered('a')]);
    await vi.waitFor(() => expect(subjects(run)).toHaveLength(2), WAIT);
    await run.signal(end, 'complete');
    await run.result();
    slack.answer((_call, response) => void response.end('ok'));
    await alertOf(run).result();
    const told = callsOf(slack, run);
    expect(told.at(-2)).toContain('is held at a');
    expect(told.at(-1)).toContain('goes on after a hold');
    await expect(alertOf(run, '-2').describe()).rejects.toBeInstanceOf(WorkflowNotFoundError);
  });

  it('calls a channel no earlier than it asks for', async () => {
    slack.answer((_call, response) => void response.writeHead(429, { 'retry-after': '8' }).end());
    const run = await start(eventful, to('slack'));
    await run.signal(tell, [{ kind: 'deadline-missed', what: 'run', due: until }]);
    await vi.waitFor(() => expect(callsOf(slack, run)).toHaveLength(1), WAIT);
    slack.answer((_call, response) => void response.end('ok'));
    await run.signal(end, 'complete');
    await run.result();
    await alertOf(run).result();
    const [first, second] = slack.calls.filter(({ body }) => body.includes(run.workflowId));
    expect(second!.at - first!.at).toBeGreaterThan(7_900);
  });

  it('triggers an incident for a hold and resolves it when the run goes on, and again when it ends', async () => {
    const run = await start(eventful, to('incident', 'error'));
    await run.signal(tell, [held('a'), { kind: 'deadline-missed', what: 'run', due: until }]);
    await vi.waitFor(() => expect(callsOf(incidents, run)).toHaveLength(1), WAIT);
    await run.signal(tell, [recovered('a')]);
    await vi.waitFor(() => expect(callsOf(incidents, run)).toHaveLength(2), WAIT);
    await run.signal(tell, [held('a')]);
    await vi.waitFor(() => expect(callsOf(incidents, run)).toHaveLength(3), WAIT);
    await run.cancel();
    await expect(run.result()).rejects.toBeInstanceOf(WorkflowFailedError);
    await vi.waitFor(() => expect(callsOf(incidents, run)).toHaveLength(4), WAIT);
    const events = callsOf(incidents, run).map((body) => JSON.parse(body) as { event_action: string; dedup_key: string });
    expect(events.map(({ event_action }) => event_action)).toEqual(['trigger', 'resolve', 'trigger', 'resolve']);
    expect(new Set(events.map(({ dedup_key }) => dedup_key)).size).toBe(1);
    expect(callsOf(incidents, run)[0]).not.toContain('is late');
  });

  it('delivers by the other channels, and fails where it can be seen, when the connection of one is missing', async () => {
    slackIsSet = false;
    const run = await start(eventful, to('slack'), to('mail'));
    await run.signal(tell, [{ kind: 'approval-wanted', name: 'publish', message: 'publish?' }]);
    await run.signal(end, 'complete');
    await run.result();
    await expect(alertOf(run).result()).rejects.toMatchObject({ cause: { type: 'ALERT_UNDELIVERED', message: expect.stringContaining('1 by slack') as string } });
    expect(subjects(run)).toEqual(['[millrace] eventful waits for the approval publish']);
    const { events } = await alertOf(run).fetchHistory();
    expect(events!.filter((event) => event.activityTaskFailedEventAttributes)).toHaveLength(1);
    expect(logged.some(({ message, level }) => level === 'ERROR' && message === 'an alert was not delivered by slack')).toBe(true);
  });

  it('tells of checks that warn in a step that succeeded', async () => {
    const run = await start(checked, to('mail'));
    await run.result();
    await alertOf(run).result();
    expect(subjects(run)).toEqual(['[millrace] checked has 1 warning in check']);
  });

  it('writes a structured record into the worker’s log', async () => {
    const run = await start(eventful, to('log', 'info'));
    await run.signal(tell, [{ kind: 'deadline-missed', what: 'load', due: until }]);
    await run.signal(end, 'complete');
    await run.result();
    await alertOf(run).result();
    const record = logged.find(({ message, meta }) => message.startsWith('alert:') && JSON.stringify(meta).includes(run.workflowId));
    expect(record).toMatchObject({ level: 'WARN', message: 'alert: eventful is late: load has missed its deadline', meta: { severity: 'warning', run: { workflowId: run.workflowId } } });
  });

  it('tells nobody below the severity that a route asks for', async () => {
    const run = await start(eventful, to('mail', 'error'));
    await run.signal(tell, [{ kind: 'deadline-missed', what: 'run', due: until }]);
    await run.signal(end, 'complete');
    await run.result();
    await expect(alertOf(run).describe()).rejects.toBeInstanceOf(WorkflowNotFoundError);
  });

  it('takes a secret that somebody wrote by hand out of what is told', async () => {
    const run = await start(eventful, to('mail'));
    await run.signal(tell, [{ kind: 'approval-wanted', name: 'x', message: 'with hunter22?' }]);
    await run.signal(end, 'complete');
    await run.result();
    await alertOf(run).result();
    const mail = smtp.mails.find(({ text }) => text?.includes(run.workflowId));
    expect(mail?.text).toContain('with ***?');
    expect(mail?.text).toContain(`http://web-ui.example/namespaces/default/workflows/${run.workflowId}/`);
  });

  it('tells once of a run whose code cannot go on', async () => {
    const run = await start(broken, to('mail', 'error'));
    const cause = { errorCode: 'TypeError', message: 'x is not a function' };
    const described = await run.describe();
    await expect(startStuckAlert(temporal.env.client, described, cause)).resolves.toBe(true);
    await expect(startStuckAlert(temporal.env.client, described, cause)).resolves.toBe(false);
    await temporal.env.client.workflow.getHandle(`alert-stuck-${run.firstExecutionRunId}`).result();
    await expect(startStuckAlert(temporal.env.client, described, cause)).resolves.toBe(false);
    expect(subjects(run)).toEqual(['[millrace] broken is stuck']);
    await run.terminate();
  });
});
