import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findPrograms } from './find-program.js';
import { ProgramUnavailable, type ObtainOptions } from './obtain-program.js';
import { programCache } from './program-cache.js';
import { runProgram } from './run-program.js';
import { KAFKA } from './versions.js';

const TITLE = 'Kafka broker';
const REMEDY = `Install Java 17 or newer and Maven, or set MILLRACE_KAFKA to the folder of a Kafka ${KAFKA.version} (https://kafka.apache.org/downloads).`;
const FETCH_TIMEOUT_MS = 10 * 60_000;

/** What a broker is started with. */
export interface KafkaProgram {
  java: string;
  /** Folder of Kafka's jars. */
  libs: string;
}

/**
 * Java, and the folder of Kafka's jars: below what MILLRACE_KAFKA names, else in the cache folder, else brought there by Maven
 * (43 MB). Throws `ProgramUnavailable` where there is no way to it.
 */
export async function obtainKafka({ log, env = process.env, lookOnly = false }: ObtainOptions): Promise<KafkaProgram> {
  const [java] = findPrograms('java', env);
  if (java === undefined) throw new ProgramUnavailable(TITLE, ['PATH: there is no java'], REMEDY);
  const version = /version "(\d+)/.exec(await runProgram(java, ['-version'], { timeoutMs: 30_000 }))?.[1];
  if (!(Number(version) >= 17)) throw new ProgramUnavailable(TITLE, [`${java}: is version ${version ?? 'unknown'}, Kafka ${KAFKA.version} needs 17`], REMEDY);

  const set = env['MILLRACE_KAFKA'];
  if (set) return { java, libs: await libsBelow(set) };
  const libs = join(programCache(env), `kafka-${KAFKA.version}`);
  if (existsSync(libs)) return { java, libs };
  const [maven] = findPrograms('mvn', env);
  const failures = [`${libs}: is not there`, ...(maven === undefined ? ['PATH: there is no mvn'] : [])];
  if (maven === undefined || lookOnly) throw new ProgramUnavailable(TITLE, failures, REMEDY);
  log(`${TITLE}: fetching version ${KAFKA.version} by Maven (43 MB, a minute or two, once)`);
  try {
    await fetchJars(maven, libs);
  } catch (error) {
    throw new ProgramUnavailable(TITLE, [...failures, `Maven: ${error instanceof Error ? error.message : String(error)}`], REMEDY);
  }
  return { java, libs };
}

/** A Kafka as it is downloaded has them in `libs`; what is named may be that folder itself. */
async function libsBelow(folder: string): Promise<string> {
  for (const libs of [join(folder, 'libs'), folder]) {
    if ((await readdir(libs).catch(() => [])).some((name) => name.startsWith('kafka_'))) return libs;
  }
  throw new ProgramUnavailable(TITLE, [`MILLRACE_KAFKA names ${folder}: there is no kafka_….jar`], 'Correct MILLRACE_KAFKA, or unset it so that one is looked for.');
}

/** Into a folder of its own first, so that whatever is at `libs` is whole, also when several do this at once. */
async function fetchJars(maven: string, libs: string): Promise<void> {
  await mkdir(dirname(libs), { recursive: true });
  const folder = await mkdtemp(join(dirname(libs), '.partial-'));
  try {
    await writeFile(join(folder, 'pom.xml'), PROJECT);
    const jars = join(folder, 'jars');
    await runProgram(maven, ['-q', '-B', '-f', join(folder, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${jars}`, '-DincludeScope=runtime'], { timeoutMs: FETCH_TIMEOUT_MS });
    await rename(jars, libs).catch((error: unknown) => {
      // Somebody else was faster.
      if (!existsSync(libs)) throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const PROJECT = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>kafka-broker</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>${KAFKA.artifact}</artifactId><version>${KAFKA.version}</version></dependency>
  </dependencies>
</project>
`;
