import { spawn } from 'node:child_process';

const HEAD_LINES = 8;
const TAIL_LINES = 12;

/** Runs a tool to its end with its output kept back; `{ ok, excerpt }`. */
export async function runTool(program, args, options) {
  const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  return await new Promise((resolve) => {
    child.once('error', (error) => resolve({ ok: false, excerpt: `  ${program}: ${error.message}` }));
    child.once('close', (code) => resolve({ ok: code === 0, excerpt: excerptOf(output) }));
  });
}

/** Some tools say what is wrong first and then print their usage, others say it last. */
function excerptOf(output) {
  const lines = output.trimEnd().split('\n').map((line) => `  ${line}`);
  if (lines.length <= HEAD_LINES + TAIL_LINES) return lines.join('\n');
  return [...lines.slice(0, HEAD_LINES), '  …', ...lines.slice(-TAIL_LINES)].join('\n');
}
