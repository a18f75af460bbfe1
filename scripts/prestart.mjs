/**
 * Runs before `npm start` and `npm test`: installs packages and builds, where that is needed. Needs nothing but Node.
 * Writes to stderr only, because stdout belongs to the command that follows (`npm start --silent -- --json`).
 */
import process from 'node:process';

const MINIMUM_NODE = [20, 19];

async function main() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < MINIMUM_NODE[0] || (major === MINIMUM_NODE[0] && minor < MINIMUM_NODE[1])) {
    throw new Error(`Millrace needs Node ${MINIMUM_NODE.join('.')} or newer, and this is ${process.versions.node}. Install a newer one from https://nodejs.org`);
  }
  // An older Node would fail in these with a syntax error instead.
  const { prepare } = await import('./setup/prepare.mjs');
  await prepare();
}

main().catch((error) => {
  process.stderr.write(`millrace: ${error.message}\n`);
  process.exitCode = 1;
});
