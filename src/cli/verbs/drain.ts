import { drainStream } from '../drain-stream.js';
import { EXIT_CODES } from '../exit-codes.js';
import { openRun, operator } from '../operate.js';
import { reportOrder } from '../output/order-text.js';
import { defineVerb, type Verb } from '../verb.js';

export const drainVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'drain <RUN>',
    summary: 'let a stream load what is there now, and complete',
    details: 'RUN is a pipeline that runs without end (kafka-signups-stream), or the workflow id of its run. A stream that is paused is drained when it is resumed.',
    examples: ['drain kafka-signups-stream', 'drain kafka-signups-stream --why "the topic is being moved"'],
  })
    .option('--why <reason>', "kept in the run's history")
    .action(
      act(async (cli, [name], { json, why }) => {
        const order = operator(why);
        const { client } = await cli.temporal();
        const { workflowId, runId } = await openRun(client, name!, undefined);
        await drainStream(client, workflowId, order);
        reportOrder(cli.screen, json === true, { workflowId, runId }, 'drain', order, `${workflowId} loads what is there, and completes`);
        return EXIT_CODES.OK;
      }),
    );
};
