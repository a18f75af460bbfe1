import { ApplicationFailure, condition, defineSignal, log, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { AlertEvent } from '../alerts/alert.js';
import { channelsFor, type AlertChannel } from '../alerts/routing.js';
import { MORE_EVENTS, type AlertDelivery, type AlertOrder } from './alert-delivery.js';

/** What comes within this time is one message. */
const GATHER = '5s';

/** A mail server may be down for a night: a day of attempts, at most five minutes apart. */
const DELIVERY = { startToCloseTimeout: '1m', scheduleToCloseTimeout: '24h', retry: { initialInterval: '5s', backoffCoefficient: 2, maximumInterval: '5m' } } as const;

export const moreEvents = defineSignal<[AlertEvent[]]>(MORE_EVENTS);

/**
 * Tells people what happens in a run. Started by the step plugin, never by a pipeline, and outlives the run. Every channel is a
 * lane of its own: one that is down delays no other, gets its messages in order, and gets those that pile up as one.
 */
export async function deliverAlert({ namespace, run, routes, events }: AlertDelivery): Promise<void> {
  const fresh: AlertEvent[] = [...events];
  setHandler(moreEvents, (more) => void fresh.push(...more));
  const lanes = new Map<AlertChannel, Lane>();
  const allIdle = (): boolean => [...lanes.values()].every((lane) => lane.idle());

  while (fresh.length > 0) {
    await condition(() => fresh.some(isLast), GATHER);
    for (const event of fresh.splice(0)) {
      for (const channel of channelsFor(event, routes)) {
        if (!lanes.has(channel)) lanes.set(channel, createLane(channel, (id, batch) => ({ channel, namespace, id, run, events: batch })));
        lanes.get(channel)!.add(event);
      }
    }
    await condition(() => fresh.length > 0 || allIdle());
  }

  const lost = [...lanes].filter(([, lane]) => lane.lost() > 0).map(([channel, lane]) => `${lane.lost()} by ${channel}`);
  if (lost.length > 0) throw ApplicationFailure.nonRetryable(`alerts were not delivered: ${lost.join(', ')}. The steps of this workflow say why.`, 'ALERT_UNDELIVERED');
}

/** Nothing comes after it that would be worth waiting for. */
function isLast({ kind }: AlertEvent): boolean {
  return kind === 'failed' || kind === 'stuck' || kind === 'unhealthy' || kind === 'well-again' || kind === 'ended';
}

/** The way to one channel: one message at a time. */
interface Lane {
  add(event: AlertEvent): void;
  idle(): boolean;
  /** How many messages could not be delivered. */
  lost(): number;
}

function createLane(channel: AlertChannel, order: (id: string, events: AlertEvent[]) => AlertOrder): Lane {
  const waiting: AlertEvent[] = [];
  let sending = false;
  let messages = 0;
  let lost = 0;

  async function send(): Promise<void> {
    sending = true;
    // After whatever else comes in the same moment.
    await Promise.resolve();
    while (waiting.length > 0) {
      messages += 1;
      const activityId = messages === 1 ? channel : `${channel}#${messages}`;
      const { sendAlert } = proxyActivities<{ sendAlert(order: AlertOrder): Promise<void> }>({ ...DELIVERY, activityId });
      const events = waiting.splice(0);
      try {
        await sendAlert(order(`${workflowInfo().workflowId}.${channel}.${messages}`, events));
      } catch (error) {
        lost += 1;
        // The log is the last place where it can be told.
        log.error(`an alert was not delivered by ${channel}`, { error: String(error), events });
      }
    }
    sending = false;
  }

  return {
    add(event) {
      waiting.push(event);
      if (!sending) void send();
    },
    idle: () => !sending,
    lost: () => lost,
  };
}
