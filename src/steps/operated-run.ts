import { defaultPayloadConverter, type Headers } from '@temporalio/common';
import {
  AsyncLocalStorage,
  CancellationScope,
  ContinueAsNew,
  TemporalFailure,
  isCancellation,
  patched,
  scheduleActivity,
  setCurrentDetails,
  workflowInfo,
  type WorkflowExecuteInput,
  type WorkflowInboundCallsInterceptor,
  type WorkflowInternalsInterceptor,
  type WorkflowOutboundCallsInterceptor,
} from '@temporalio/workflow';
import { onApprovalsChanged, openApprovals, setApprovalHandlers } from '../durable/approval.js';
import type { Duration } from '../durable/duration.js';
import { withDeadline } from '../durable/with-deadline.js';
import { addStep, moveStep, stepCount, type StepEntry } from '../durable/step-table.js';
import { currentScope, trackStep } from '../durable/step-scope.js';
import { ALERT_WORKFLOW } from './alert-delivery.js';
import { createActivityCancellations } from './activity-cancellations.js';
import { renderDetails } from './current-details.js';
import { describeError } from '../durable/describe-error.js';
import { isInterval } from './interval-of-run.js';
import { registerOperatorHandlers } from './operator-handlers.js';
import type { StepsAnswer } from './operator-protocol.js';
import { POOL_WORKFLOW } from './pool-protocol.js';
import { inPool, type Schedule } from './pool-steps.js';
import { readRunOptions } from './read-run-options.js';
import { CLEANUP_HEADER, PAUSE_HEADER, RERUN_HEADER, STEP_HEADER, type RerunHeader } from './rerun-protocol.js';
import { createRunControl, type Pause, type RunControl } from './run-control.js';
import { createStateAttributes, type StateAttributes } from './run-state-attributes.js';
import { receiveSeed, type Seed } from './seed.js';
import { createStepIds, stepSummary } from './step-id.js';
import { createStepRunner, type StepRunner } from './step-runner.js';

/**
 * Runs that began before the plugin was added to their worker have no marker of this name in their history, and are left as they
 * are: other step ids, or a hold, would not be what their history says.
 */
const PATCH = 'millrace';

/** Child workflows that the plugin starts for itself are no steps of the pipeline. */
const OWN_CHILDREN: ReadonlySet<string> = new Set([ALERT_WORKFLOW, POOL_WORKFLOW]);

/** The query with which Temporal's Web UI asks for the current details. */
const METADATA_QUERY = '__temporal_workflow_metadata';

/** What a run has that the plugin takes care of. */
interface OperatedRun {
  runner: StepRunner;
  control: RunControl;
  seed: Seed;
  attributes: StateAttributes;
  deadline?: Duration;
}

type Interceptor = WorkflowInboundCallsInterceptor & WorkflowOutboundCallsInterceptor;

/** Around a whole run: steps that can be told from each other and held, retried, skipped and reused; orders; search attributes. */
export function operatedRun(): { calls: Interceptor; internals: WorkflowInternalsInterceptor } {
  const stepId = createStepIds();
  /** Set while a step schedules its activity again, so that it is not taken for a step of its own. */
  const again = new AsyncLocalStorage<Rescheduling>();
  const cancellations = createActivityCancellations();
  let run: OperatedRun | undefined;
  let ended: 'completed' | 'failed' | 'cancelled' | undefined;

  const state = (): StepsAnswer['state'] => {
    if (ended !== undefined) return ended;
    if (stepCount('held') > 0) return 'held';
    if (openApprovals().length > 0) return 'waiting-for-approval';
    return run?.control.paused() === undefined ? 'running' : 'paused';
  };

  function begin(input: WorkflowExecuteInput): OperatedRun {
    const { onStepFailure, holdFor, deadline } = readRunOptions(workflowInfo().memo);
    const paused = input.headers[PAUSE_HEADER];
    const control = createRunControl(paused === undefined ? undefined : defaultPayloadConverter.fromPayload<Pause>(paused));
    const attributes = createStateAttributes();
    const seed = receiveSeed(input.headers);
    const changed = (): void => attributes.state(state());
    const runner = createStepRunner({ hold: { onStepFailure, holdFor }, control, seed, changed });
    registerOperatorHandlers({ runner, control, state, changed });
    setApprovalHandlers();
    onApprovalsChanged(changed);
    run = { runner, control, seed, attributes, deadline };
    return run;
  }

  const calls: Interceptor = {
    async execute(input, next) {
      if (!patched(PATCH)) return next(input);
      const { seed, attributes, deadline } = begin(input);
      if (seed.missing() > 0) await seed.complete();
      try {
        const result = await (deadline === undefined ? next(input) : withDeadline({ name: 'run', within: deadline }, () => next(input)));
        ended = 'completed';
        return result;
      } catch (error) {
        ended = endOf(error);
        throw error;
      } finally {
        if (ended !== undefined) attributes.state(ended);
      }
    },

    scheduleActivity(input, next) {
      const repeated = again.getStore();
      repeated?.scheduled(input.seq);
      if (run === undefined || repeated !== undefined) return tracked(next({ ...input, headers: { ...input.headers, ...repeated?.headers } }));
      const { runner, control, attributes } = run;
      const scope = currentScope();
      const id = input.options.activityId ?? stepId(input.activityType, scope);
      const summary = input.options.summary ?? stepSummary(input.args);
      const options = { ...input.options, activityId: id, ...(summary === undefined ? {} : { summary }) };
      const headers: Headers = scope.cleanup === true ? { [CLEANUP_HEADER]: defaultPayloadConverter.toPayload(true) } : {};
      const interval = input.args.find(isInterval);
      if (interval !== undefined) attributes.interval(interval.label);
      let { seq } = input;
      let first = true;
      const schedule: Schedule = (options, more) => {
        const added = { ...headers, ...more };
        if (!first) {
          const rescheduling: Rescheduling = { headers: added, scheduled: (next) => void (seq = next) };
          return again.run(rescheduling, () => scheduleActivity(input.activityType, input.args, options, input.typeInfo));
        }
        first = false;
        return next({ ...input, options, headers: { ...input.headers, ...added } });
      };
      const { pool } = scope;
      if (pool === undefined) {
        const attempt = (): Promise<unknown> => schedule(options, {});
        return tracked(runner.run({ id, activity: input.activityType, mayHold: scope.mayHold, attempt, cancel: () => cancellations.add(seq) }));
      }
      // Waiting for a slot can be cancelled, too.
      let inside = CancellationScope.current();
      const attempt = (row: StepEntry): Promise<unknown> => {
        inside = new CancellationScope();
        return inside.run(() => inPool({ pool, row, control, schedule }, options));
      };
      return tracked(runner.run({ id, activity: input.activityType, mayHold: scope.mayHold, attempt, cancel: () => inside.cancel() }));
    },

    async startChildWorkflowExecution(input, next) {
      if (run === undefined || OWN_CHILDREN.has(input.workflowType)) return next(input);
      const { seed } = run;
      const id = stepId(input.workflowType, currentScope());
      const row = addStep({ id, activity: input.workflowType, kind: 'child', state: 'running' });
      if (seed.has(id)) {
        moveStep(row, 'reused');
        return [Promise.resolve(seed.origin?.runId ?? ''), Promise.resolve(seed.result(id))];
      }
      const headers = { ...input.headers, [STEP_HEADER]: defaultPayloadConverter.toPayload(id) };
      const [started, result] = await next({ ...input, headers });
      followChild(row, result);
      return [started, result];
    },

    async continueAsNew(input, next) {
      const origin = run?.seed.origin;
      const paused = run?.control.paused();
      const headers = { ...input.headers };
      if (origin !== undefined) headers[RERUN_HEADER] = defaultPayloadConverter.toPayload({ ...origin, parts: 0 } satisfies RerunHeader);
      if (paused !== undefined) headers[PAUSE_HEADER] = defaultPayloadConverter.toPayload(paused);
      return next({ ...input, headers });
    },
  };

  const internals: WorkflowInternalsInterceptor = {
    activate(input, next) {
      if (run !== undefined && input.activation.jobs?.some(({ queryWorkflow }) => queryWorkflow?.queryType === METADATA_QUERY)) {
        setCurrentDetails(renderDetails(headline(state(), run.control)));
      }
      next(input);
    },
    concludeActivation: (input, next) => cancellations.conclude(next(input)),
  };
  return { calls, internals };
}

/** An activity call that is another attempt of a step: headers to add, and where its number in the history of commands goes. */
interface Rescheduling {
  headers: Headers;
  scheduled: (seq: number) => void;
}

/** Lets the blocks around a step know of it. */
function tracked(step: Promise<unknown>): Promise<unknown> {
  trackStep(step);
  return step;
}

function followChild(row: StepEntry, result: Promise<unknown>): void {
  void result.then(
    () => moveStep(row, 'succeeded'),
    (error: unknown) => moveStep(row, isCancellation(error) ? 'cancelled' : 'failed', { error: describeError(error) }),
  );
}

/** How the run has ended; `undefined` where it has not: a plain Error only fails the workflow task, which Temporal tries again. */
function endOf(error: unknown): 'cancelled' | 'failed' | undefined {
  if (isCancellation(error)) return 'cancelled';
  return error instanceof TemporalFailure && !(error instanceof ContinueAsNew) ? 'failed' : undefined;
}

function headline(state: StepsAnswer['state'], control: RunControl): string {
  const paused = control.paused();
  const by = paused === undefined ? '' : ` by ${paused.by}${paused.why === undefined ? '' : ` (${paused.why})`}`;
  return `**${state}**${by}`;
}
