import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 200;
const TOUCH_MS = 5_000;
/** A holder that has not touched its lock for this long is gone, whatever runs under its pid now. */
const STALE_MS = 60_000;

/**
 * Runs `work` while no other process does so for the same file. A lock whose holder has died is taken over.
 * (The embedded stack has a stricter lock, `src/stack/exclusive-lock.ts`, which is not built yet when this one is needed.)
 */
export async function withLock(file, log, work) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  while (!take(file)) {
    const holder = holderOf(file);
    if (holder === undefined) continue;
    if (isStale(holder)) {
      removeStale(file, holder);
      continue;
    }
    if (!told) log(`process ${holder.pid} is installing or building here already: waiting for it`);
    told = true;
    await pause(POLL_MS);
  }

  const touch = setInterval(() => utimesSync(file, new Date(), new Date()), TOUCH_MS);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    rmSync(file, { force: true });
  }
}

/** By a link, so that the file has its contents from the first moment on. */
function take(file) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, String(process.pid));
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    return false;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** `undefined` when the lock is gone again. */
function holderOf(file) {
  try {
    const { ino, mtimeMs } = statSync(file);
    return { pid: Number(readFileSync(file, 'utf8')), ino, mtimeMs };
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    return undefined;
  }
}

function isStale({ pid, mtimeMs }) {
  return !isAlive(pid) || Date.now() - mtimeMs > STALE_MS;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Another process may have removed the stale lock and taken it anew in between: then what was moved away goes back. */
function removeStale(file, { ino }) {
  const aside = `${file}.stale-${process.pid}`;
  try {
    renameSync(file, aside);
    if (statSync(aside).ino !== ino) linkSync(aside, file);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}
