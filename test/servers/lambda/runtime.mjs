/**
 * Runs inside a sandbox's process, in the place of Lambda's Node runtime: loads the handler, takes events one at a time, answers with its
 * result or its error. Plain JavaScript, so that it starts as fast as Node does.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

const [file, name] = process.env._HANDLER.split('.');

function load() {
  try {
    const handler = createRequire(import.meta.url)(join(process.env.LAMBDA_TASK_ROOT, file))[name];
    if (typeof handler !== 'function') return { error: { errorType: 'Runtime.HandlerNotFound', errorMessage: `${process.env._HANDLER} is undefined or not exported` } };
    return { handler };
  } catch (error) {
    const errorType = error instanceof SyntaxError ? 'Runtime.UserCodeSyntaxError' : error.code === 'MODULE_NOT_FOUND' ? 'Runtime.ImportModuleError' : (error.name ?? 'Error');
    return { error: { errorType, errorMessage: String(error.message), trace: String(error.stack).split('\n') } };
  }
}

const loaded = load();

process.on('message', async ({ event, requestId, functionArn, deadline }) => {
  const context = {
    awsRequestId: requestId,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: functionArn,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
  let answer;
  try {
    answer = loaded.error ? { error: loaded.error } : { payload: JSON.stringify(await loaded.handler(JSON.parse(event), context)) ?? 'null' };
  } catch (error) {
    const thrown = error instanceof Error ? error : new Error(String(error));
    answer = { error: { errorType: thrown.name, errorMessage: thrown.message, trace: String(thrown.stack).split('\n') } };
    process.stderr.write(`ERROR Invoke Error ${JSON.stringify(answer.error)}\n`);
  }
  // The log of this invocation ends here: the parent reads both streams up to this line before it answers.
  for (const stream of [process.stdout, process.stderr]) stream.write(`END RequestId: ${requestId}\n`);
  process.send({ ...answer, maxMemoryMb: Math.ceil(process.resourceUsage().maxRSS / 1024) });
});
process.send({ ready: true });
