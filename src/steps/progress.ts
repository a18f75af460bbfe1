import { Context } from '@temporalio/activity';

const latest = new WeakMap<Context, unknown>();

/** Reports what the running step has done so far (`{ rows: 20000 }`): shown by `millrace status`, and sent with every heartbeat from now on. */
export function reportProgress(progress: Record<string, unknown>): void {
  const context = Context.current();
  latest.set(context, progress);
  context.heartbeat(progress);
}

/** What the step last reported, or what an earlier attempt of it did. */
export function latestProgress(context: Context): unknown {
  return latest.get(context) ?? context.info.heartbeatDetails;
}
