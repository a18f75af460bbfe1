/**
 * A process that takes the stack of a folder: `hold-stack.ts HOME [COMMAND…]`. Prints one line of JSON, `{ kind, ownerPid?, child? }`,
 * and keeps what it got until it is killed. COMMAND is started and recorded as its Temporal server.
 */
import { spawn } from 'node:child_process';
import { acquireStack } from '../../src/stack/stack-state.js';

const [home, program, ...args] = process.argv.slice(2);
if (home === undefined) throw new Error('which folder?');

const attempt = await acquireStack(home, () => {});
if (attempt.kind === 'running') {
  console.log(JSON.stringify({ kind: attempt.kind, ownerPid: attempt.ownerPid }));
} else {
  const child = program === undefined ? undefined : spawn(program, args, { detached: true, stdio: 'ignore' });
  if (child?.pid !== undefined) await attempt.stack.recordProcess('temporal', child.pid);
  await attempt.stack.publishConnections({ LAKE: 'file:///lake' });
  console.log(JSON.stringify({ kind: attempt.kind, child: child?.pid }));
}
// Until the other end of stdin closes, so that nothing is left over when the test dies.
process.stdin.resume();
process.stdin.once('end', () => process.exit());
