import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Import {
  file: string;
  /** Path from the project's root without extension, or a package's name. */
  target: string;
  typeOnly: boolean;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)].map(([, type, specifier]) => ({
    file,
    target: specifier!.startsWith('.') ? normalize(join(dirname(file), specifier!)).replace(/\.js$/, '') : specifier!,
    typeOnly: type !== undefined,
  }));
}

function violations(folders: string[], allowed: (found: Import) => boolean): string[] {
  return folders
    .flatMap(sourceFiles)
    .flatMap(importsOf)
    .filter((found) => !allowed(found))
    .map(({ file, target }) => `${file} imports ${target}`);
}

const under = (target: string, ...prefixes: string[]): boolean => prefixes.some((prefix) => target === prefix || target.startsWith(prefix));

describe('the import rules of the house', () => {
  it('lets workflows and durable blocks import only each other, datasets, errors and types of activities', () => {
    const found = violations(['workflows', 'src/durable'], ({ target, typeOnly }) =>
      under(target, 'workflows/', 'src/durable/', 'src/datasets/dataset-ref', 'src/datasets/references', 'src/errors', '@temporalio/workflow', '@temporalio/common/lib/time.js', 'luxon', 'p-map', 'cron-parser/dist/CronExpressionParser.js') ||
      (typeOnly && under(target, 'src/arrivals/arrivals', 'src/monitoring/health', 'lambda/transform/event', 'activities/')) ||
      // The plugin's own workflows have to stand in the bundle's index.
      ['src/steps/deliver-alert', 'src/steps/pool'].includes(target),
    );
    expect(found).toEqual([]);
  });

  it('keeps Temporal out of every adapter', () => {
    const adapters = ['src/object-store', 'src/functions', 'src/arrivals', 'src/csv', 'src/streams', 'src/warehouse', 'src/sources', 'src/kafka', 'src/metrics', 'src/quality', 'src/alerts', 'src/duckdb', 'src/connections', 'lambda/transform'];
    expect(violations(adapters, ({ target }) => !target.startsWith('@temporalio/'))).toEqual([]);
  });

  it('keeps adapters apart from each other and from everything above them', () => {
    // What stands between a warehouse or a store and CloudWatch knows their ports.
    const ports: Readonly<Record<string, readonly string[]>> = { metrics: ['src/object-store/object-store', 'src/warehouse/warehouse'] };
    for (const adapter of ['object-store', 'warehouse', 'sources', 'kafka', 'functions', 'alerts', 'metrics']) {
      const found = violations([`src/${adapter}`], ({ target }) => !under(target, 'src/', 'activities/', 'workers/', 'workflows/') || under(target, `src/${adapter}/`, 'src/errors', 'src/duckdb/', 'src/datasets/', 'src/durable/', 'src/http/', 'src/streams/', ...(ports[adapter] ?? [])));
      expect(found).toEqual([]);
    }
  });

  it('lets activities know ports only, so that configuration and adapters stay with workers, the CLI and scripts', () => {
    const found = violations(['activities'], ({ target, typeOnly }) => (typeOnly && target === 'lambda/transform/event') || !under(target, 'src/connections/', 'workers/', 'src/cli/', 'src/object-store/s3', 'src/object-store/local', 'src/functions/lambda', 'src/functions/in-process', 'lambda/', 'src/warehouse/duckdb', 'src/warehouse/postgres', 'src/warehouse/redshift', 'src/sources/mysql', 'src/sources/rest.', 'src/sources/dynamodb', 'src/kafka/kafka', 'src/metrics/cloudwatch', 'src/metrics/warehouse'));
    expect(found).toEqual([]);
  });

  it('deploys functions that know nothing of workers, settings, activities and workflows', () => {
    const own = ['lambda/', 'src/errors', 'src/csv/', 'src/streams/', 'src/functions/', 'src/object-store/', 'node:', 'zod', 'luxon'];
    expect(violations(['lambda/transform'], ({ target }) => under(target, ...own))).toEqual([]);
    expect(violations(['lambda/arrival'], ({ target }) => under(target, ...own, '@temporalio/client', '@temporalio/envconfig'))).toEqual([]);
  });

  it('reads the environment only in workers, the CLI, scripts and the places made for it', () => {
    const readers = ['workflows', 'activities', 'src/steps', 'src/durable', 'src/datasets', 'src/object-store', 'src/functions', 'src/csv', 'src/streams', 'src/warehouse', 'src/sources', 'src/kafka', 'src/metrics', 'src/monitoring', 'src/quality', 'src/alerts']
      .flatMap(sourceFiles)
      .filter((file) => readFileSync(file, 'utf8').includes('process.env'));
    expect(readers).toEqual([]);
  });
});
