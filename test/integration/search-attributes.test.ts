import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { missingSearchAttributes, registerSearchAttributes } from '../../src/runs/search-attributes.js';
import { SEARCH_ATTRIBUTE_NAMES } from '../../src/steps/search-attributes.js';
import { locateTemporal } from '../servers/temporal.js';
import { millrace } from '../support/millrace-command.js';
import { describeWithServer } from '../support/with-server.js';

// Every command is a process of its own, which takes seconds on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

describeWithServer('search attributes on a server that does not know them', locateTemporal, () => {
  let env: TestWorkflowEnvironment;
  const cli = (...args: string[]) => millrace(args, { TEMPORAL_ADDRESS: env.address, MILLRACE_HOME: '/nonexistent/home' });
  const finding = async (...args: string[]) => {
    const findings = JSON.parse((await cli('doctor', '--json', ...args)).stdout) as { subject: string; state: string; message: string; remedy?: string }[];
    return findings.find(({ subject }) => subject === 'search attributes');
  };

  beforeAll(async () => {
    env = await TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'existing-path', path: locateTemporal() } } });
  });
  afterAll(() => env?.teardown());

  it('are a warning of doctor, and no reason for a run not to start', async () => {
    expect(await finding()).toEqual({ subject: 'search attributes', state: 'warn', message: `${SEARCH_ATTRIBUTE_NAMES.join(', ')} not registered in default`, remedy: 'millrace doctor --fix' });
    expect(await cli('runs', '--state', 'held')).toMatchObject({ code: 3, stderr: expect.stringMatching(/does not know the search attribute MillraceState.* — millrace doctor --fix/) as string });
    expect(await cli('run', 'ecommerce-daily', '--date', '2010-12-01')).toMatchObject({ code: 0, stderr: '' });
  });

  it('are registered by doctor --fix, once', async () => {
    expect(await finding('--fix')).toMatchObject({ state: 'ok', message: `${SEARCH_ATTRIBUTE_NAMES.join(', ')} registered now` });
    expect(await missingSearchAttributes(env.connection, 'default')).toEqual([]);
    expect(await registerSearchAttributes(env.connection, 'default')).toEqual([]);
    expect(await finding('--fix')).toMatchObject({ state: 'ok', message: SEARCH_ATTRIBUTE_NAMES.join(', ') });
    expect(await cli('runs', '--state', 'held')).toMatchObject({ code: 0, stdout: '' });
  });
});
