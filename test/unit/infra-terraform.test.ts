import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadConnections } from '../../src/connections/connections.js';
import { SETTING_PREFIX } from '../../src/connections/known-connections.js';
import { findProjectRoot } from '../../src/project-root.js';
import { readTerraform, referred, type Block, type TerraformFiles } from '../support/terraform-files.js';

const FOLDER = join(findProjectRoot(), 'infra', 'terraform');

let files: TerraformFiles;
beforeAll(async () => {
  files = await readTerraform(FOLDER);
});

const resources = (type: string): Record<string, Block> => Object.fromEntries(Object.entries(files.resource[type] ?? {}).map(([name, [block]]) => [name, block!]));
const resource = (type: string, name: string): Block => files.resource[type]![name]![0]!;
const without = (names: readonly string[], known: Iterable<string>): string[] => names.filter((name) => !new Set(known).has(name));

describe('infra/terraform', () => {
  it('declares everything that it refers to', () => {
    const declared = (kind: 'resource' | 'data'): string[] => Object.entries(files[kind]).flatMap(([type, names]) => Object.keys(names).map((name) => `${type}.${name}`));
    expect(declared('resource').length).toBeGreaterThan(30);
    expect(without(referred(/\bvar\.(\w+)/g, files), Object.keys(files.variable))).toEqual([]);
    expect(without(referred(/\blocal\.(\w+)/g, files), files.locals.flatMap((block) => Object.keys(block)))).toEqual([]);
    expect(without(referred(/\bdata\.(aws_\w+)\.(\w+)/g, files), declared('data'))).toEqual([]);
    expect(without(referred(/(?<![\w.])(aws_\w+)\.(\w+)/g, files), declared('resource'))).toEqual([]);
  });

  it('uses every variable, describes it, and checks what it is given', () => {
    expect(without(Object.keys(files.variable), referred(/\bvar\.(\w+)/g, { ...files, variable: {} }))).toEqual([]);
    for (const [name, [block]] of Object.entries(files.variable)) expect({ name, ...block }).toMatchObject({ name, description: expect.stringMatching(/^[A-Z].*\.$/) as string, type: expect.any(String) as string });
    const unchecked = Object.entries(files.variable).filter(([, [block]]) => block!['validation'] === undefined).map(([name]) => name);
    expect(unchecked.toSorted()).toEqual(['deletable', 'transform_zip']);
  });

  it.each(['dev.tfvars', 'prod.tfvars'])('%s gives declared variables only, and all that have no default', (file) => {
    const given = Object.keys(files.values[file]!);
    const required = Object.entries(files.variable).filter(([, [block]]) => !('default' in block!)).map(([name]) => name);
    expect(without(given, Object.keys(files.variable))).toEqual([]);
    expect(without(required, given)).toEqual([]);
  });

  it('keeps versions of both buckets, encrypts them, shows them to nobody, and clears what is left behind', () => {
    expect(resource('aws_s3_bucket', 'this')['for_each']).toBe('${local.buckets}');
    expect(files.locals).toContainEqual(expect.objectContaining({ buckets: { raw: expect.any(String) as string, lake: expect.any(String) as string } }));
    for (const type of ['aws_s3_bucket_versioning', 'aws_s3_bucket_public_access_block', 'aws_s3_bucket_server_side_encryption_configuration', 'aws_s3_bucket_policy']) {
      expect(Object.values(resources(type)).map((block) => [type, block['for_each']])).toEqual([[type, '${aws_s3_bucket.this}']]);
    }
    expect(resource('aws_s3_bucket_versioning', 'this')['versioning_configuration']).toEqual([{ status: 'Enabled' }]);
    expect(resource('aws_s3_bucket_public_access_block', 'this')).toMatchObject({ block_public_acls: true, block_public_policy: true, ignore_public_acls: true, restrict_public_buckets: true });
    const always = { status: 'Enabled', noncurrent_version_expiration: [{ noncurrent_days: '${var.noncurrent_days}' }], abort_incomplete_multipart_upload: [{ days_after_initiation: 7 }] };
    for (const name of ['raw', 'lake']) {
      expect(resource('aws_s3_bucket_lifecycle_configuration', name)).toMatchObject({ bucket: `\${aws_s3_bucket.this["${name}"].id}`, rule: [always] });
    }
    const [staged] = (resource('aws_s3_bucket_lifecycle_configuration', 'lake')['dynamic'] as { rule: Block[] }).rule;
    expect(staged).toMatchObject({ for_each: { staging: '${local.staging_prefix}', copy: '${local.copy_prefix}' } });
    expect(resource('aws_s3_bucket_notification', 'raw')).toMatchObject({ eventbridge: true });
  });

  it('lets nobody from outside into Redshift, and knows no password', () => {
    expect(resource('aws_redshiftserverless_workgroup', 'this')).toMatchObject({ publicly_accessible: false });
    expect(resource('aws_redshiftserverless_namespace', 'this')).toMatchObject({ manage_admin_password: true });
    expect(resource('aws_redshiftserverless_namespace', 'this')).not.toHaveProperty('admin_user_password');
  });

  it('keeps logs for as long as is said, makes them before whatever writes them, and tells the topic of every alarm', () => {
    const [groups, functions] = [resources('aws_cloudwatch_log_group'), resources('aws_lambda_function')];
    expect(Object.entries(groups).filter(([, block]) => block['retention_in_days'] !== '${var.log_retention_days}')).toEqual([]);
    expect(Object.keys(functions)).toEqual(['arrival', 'transform']);
    for (const [name, block] of Object.entries(functions)) expect(block['depends_on']).toContain(`\${aws_cloudwatch_log_group.${name}}`);
    const alarms = resources('aws_cloudwatch_metric_alarm');
    expect(Object.keys(alarms)).toEqual(expect.arrayContaining(['function_errors', 'function_throttles', 'function_duration', 'redshift_failures', 'failures', 'freshness', 'silence']));
    expect(Object.entries(alarms).filter(([, block]) => String(block['alarm_actions']) !== '${aws_sns_topic.alerts.arn}')).toEqual([]);
  });

  it('prints connections that Millrace takes', () => {
    const sample: Record<string, string> = { 'var.region': 'eu-west-1', 'local.buckets.raw': 'raw', 'local.buckets.lake': 'lake', 'aws_iam_role.copy.arn': 'arn:aws:iam::123456789012:role/copy', 'var.transform_timeout_seconds': '900', 'var.metric_namespace': 'Millrace' };
    const printed = Object.entries(files.output['connections']![0]!['value'] as Record<string, string>);
    const env = Object.fromEntries(printed.map(([name, uri]) => [name, uri.replaceAll(/\$\{([^}]*)\}/g, (_, expression: string) => sample[expression] ?? 'x')]));
    expect(Object.keys(env).toSorted()).toEqual(['INCOMING', 'LAKE', 'METRICS', 'TRANSFORM', 'WAREHOUSE'].map((name) => SETTING_PREFIX + name));
    expect(loadConnections({ env, root: tmpdir() }).problems).toEqual([]);
  });
});

interface Statement {
  actions: string | string[];
  resources?: string[];
  effect?: string;
  condition?: { variable: string }[];
}

/** What the page calls the policy documents and what they speak of. */
const ROLES = { transform: 'transform function', arrival: 'arrival function', copy: 'COPY and UNLOAD', worker: 'worker' };
const NAMES: Record<string, string> = {
  '${aws_cloudwatch_log_group.transform.arn}:*': 'its log group',
  '${aws_cloudwatch_log_group.arrival.arn}:*': 'its log group',
  '${aws_lambda_alias.transform.arn}': 'the alias live of transform',
  '${aws_redshiftserverless_workgroup.this.arn}': 'the workgroup',
};
/** Actions of AWS that know no resource: what they are for is said by a condition. */
const CONDITIONS: Record<string, string> = { 'redshift-data:statement-owner-iam-userid': '*, its own statements', 'cloudwatch:namespace': '*, the namespace of the metrics' };

describe('the permissions of infra/terraform', () => {
  const statements = (document: string): Statement[] => files.data['aws_iam_policy_document']![document]![0]!['statement'] as Statement[];
  const conditionOf = ({ condition }: Statement): string => condition?.[0]?.variable ?? 'none';

  it('allow no wildcard of actions, and any resource only for what the worker itself has begun or measured', () => {
    const allowed = Object.keys(files.data['aws_iam_policy_document']!).flatMap(statements).filter(({ effect }) => effect !== 'Deny');
    expect(allowed.length).toBeGreaterThan(15);
    expect(allowed.flatMap(({ actions }) => actions).filter((action) => action.endsWith('*'))).toEqual([]);
    expect(without(allowed.filter(({ resources: on }) => on?.includes('*')).map(conditionOf), Object.keys(CONDITIONS))).toEqual([]);
  });

  it('are those of docs/s3-lambda-redshift.md', () => {
    const locals = Object.assign({}, ...files.locals) as Record<string, unknown>;
    const nameOf = (on: string): string => NAMES[on] ?? on.replace(/\$\{aws_s3_bucket\.this\["(\w+)"\]\.arn\}/, '$1').replace(/\$\{local\.(\w+)\}/, (_, name: string) => String(locals[name]));
    const declared = Object.entries(ROLES).flatMap(([document, role]) =>
      statements(document).map((statement) => [role, [statement.actions].flat().join(', '), CONDITIONS[conditionOf(statement)] ?? (statement.resources ?? []).map(nameOf).join(', ')]),
    );
    const page = readFileSync(join(findProjectRoot(), 'docs', 's3-lambda-redshift.md'), 'utf8');
    const table = page.slice(page.indexOf('| Role | Actions | On |')).split('\n\n')[0]!.split('\n').slice(2);
    const documented = table.map((row) => row.replaceAll('`', '').split('|').slice(1, -1).map((cell) => cell.trim()));
    expect(documented.length).toBeGreaterThan(10);
    expect(documented).toEqual(declared);
  });
});

const run = promisify(execFile);
/** Pretended providers came with Terraform 1.7. */
const hasTerraform = await run('terraform', ['version', '-json']).then(({ stdout }) => /"terraform_version": "1\.(?:[7-9]|\d\d)\./.test(stdout), () => false);

describe.skipIf(!hasTerraform)('infra/terraform, asked of terraform (skipped where 1.7 or later is not installed)', () => {
  it('is formatted', { timeout: 60_000 }, async () => {
    await expect(run('terraform', ['fmt', '-check', '-diff', '-recursive', FOLDER])).resolves.toBeDefined();
  });

  it('is valid, and can be planned for both environments (skipped where the provider of AWS cannot be had)', { timeout: 400_000 }, async (context) => {
    const copy = await mkdtemp(join(tmpdir(), 'millrace-terraform-'));
    try {
      await cp(FOLDER, copy, { recursive: true, filter: (path) => !path.includes('.terraform') });
      await writeFile(join(copy, 'transform.zip'), '');
      const obtained = await run('terraform', [`-chdir=${copy}`, 'init', '-backend=false', '-input=false'], { timeout: 120_000 }).then(() => true, () => false);
      context.skip(!obtained, 'the provider of AWS cannot be had here');
      const { stdout } = await run('terraform', [`-chdir=${copy}`, 'validate', '-json']);
      expect(JSON.parse(stdout)).toMatchObject({ valid: true, error_count: 0 });
      for (const environment of ['dev', 'prod']) await expect(run('terraform', [`-chdir=${copy}`, 'test', `-var-file=${environment}.tfvars`])).resolves.toBeDefined();
    } finally {
      await rm(copy, { recursive: true, force: true });
    }
  });
});
