import { millis, type HistoryEvent } from '../runs/event-times.js';

/** A step as an undisturbed run has shown it. */
export interface ObservedStep {
  id: string;
  /** Positions in the history: two steps overlap when each was scheduled before the other one had ended. */
  scheduledEvent: number;
  endedEvent: number;
  durationMs: number;
  /** Of its retry policy; `Infinity` where it sets none. */
  maximumAttempts: number;
}

/** The steps that ran through activities, in the order in which they were scheduled. */
export function observedSteps(events: readonly HistoryEvent[]): ObservedStep[] {
  const steps = new Map<string, ObservedStep>();
  const startedAt = new Map<string, number>();
  for (const event of events) {
    const at = millis(event.eventTime) ?? 0;
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled) {
      steps.set(String(event.eventId), {
        id: scheduled.activityId ?? '',
        scheduledEvent: Number(event.eventId),
        endedEvent: Infinity,
        durationMs: 0,
        maximumAttempts: scheduled.retryPolicy?.maximumAttempts || Infinity,
      });
    }
    const started = event.activityTaskStartedEventAttributes;
    if (started) startedAt.set(String(started.scheduledEventId), at);
    const completed = event.activityTaskCompletedEventAttributes;
    const step = steps.get(String(completed?.scheduledEventId));
    if (step !== undefined) Object.assign(step, { endedEvent: Number(event.eventId), durationMs: at - (startedAt.get(String(step.scheduledEvent)) ?? at) });
  }
  return [...steps.values()];
}

/** Whether both can be on the same worker when it is killed. */
export function overlap(a: ObservedStep, b: ObservedStep): boolean {
  return a.scheduledEvent < b.endedEvent && b.scheduledEvent < a.endedEvent;
}
