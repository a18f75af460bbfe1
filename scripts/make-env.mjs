/** Makes `.env` of `.env.example`, with a random value wherever that has none. An `.env` that is there is left alone. */
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const example = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
const filled = example.replaceAll(/^([A-Z][A-Z0-9_]*)=$/gm, (_line, name) => `${name}=${randomBytes(16).toString('hex')}`);
try {
  writeFileSync(new URL('../.env', import.meta.url), filled, { mode: 0o600, flag: 'wx' });
  process.stdout.write('.env is written; start with: docker compose up --build\n');
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
  process.stdout.write('.env is there already, and stays as it is\n');
}
