import { checkConnections } from '../../connections/check.js';
import type { Cli } from '../cli.js';
import { messageOf, toCliError } from '../cli-error.js';
import { fail, ok, type Finding } from '../doctor/finding.js';
import { checkTemporal } from '../doctor/temporal.js';
import { EXIT_CODES } from '../exit-codes.js';
import { defineVerb, type Verb } from '../verb.js';

const NODE_MINIMUM = [20, 19] as const;

export const doctorVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'doctor',
    summary: 'what is missing, and what to do about it',
    details: 'Looks at Node, Temporal, its namespace, workers, schedules, connections and pipelines. The exit code is 1 when something fails; a warning does not count. --fix registers search attributes that the namespace does not know.',
    examples: ['doctor', 'doctor --fix', "doctor --json | jq '.[] | select(.state != \"ok\")'"],
  })
    .option('--fix', 'put right what the command can')
    .action(
      act(async (cli, _args, { json, fix }) => {
        const findings = [checkNode(), ...(await settled('temporal', () => temporalFindings(cli, fix === true))), ...(await settled('connections', () => connectionFindings(cli))), ...(await settled('pipelines', () => pipelineFindings(cli)))];
        const { screen } = cli;
        const { colors } = screen;
        const paint = { ok: colors.green, warn: colors.yellow, fail: colors.red };
        if (json) screen.print(JSON.stringify(findings, undefined, 2));
        else for (const { state, subject, message, remedy } of findings) screen.print(`${paint[state](state.padEnd(5))} ${colors.bold(subject)}: ${message}${remedy === undefined ? '' : `\n      ${remedy}`}`);
        return findings.some(({ state }) => state === 'fail') ? EXIT_CODES.FAILED : EXIT_CODES.OK;
      }),
    );
};

/** One part that breaks does not keep the others from being looked at. */
async function settled(subject: string, look: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await look();
  } catch (error) {
    const { message, remedy } = toCliError(error, undefined);
    return [fail(subject, message, remedy)];
  }
}

function checkNode(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > NODE_MINIMUM[0] || (major === NODE_MINIMUM[0] && minor >= NODE_MINIMUM[1]);
  return enough ? ok('node', process.version) : fail('node', `${process.version} is too old`, `install Node ${NODE_MINIMUM.join('.')} or newer`);
}

async function temporalFindings(cli: Cli, fix: boolean): Promise<Finding[]> {
  const { client, target } = await cli.temporal();
  return checkTemporal(client, target, fix);
}

async function connectionFindings(cli: Cli): Promise<Finding[]> {
  const rows = await checkConnections(cli.connections(), (await cli.adapters()).byName);
  return rows.map(({ setting, ok: works, description, message, remedy }) => {
    const subject = `connection ${setting.replace('MILLRACE_CONN_', '')}`;
    return works ? ok(subject, [description, message].filter((part) => part !== undefined).join(': ')) : fail(subject, message, remedy ?? 'see docs/connections.md');
  });
}

/** The worker's bundler takes half a second to load: for this verb only. */
async function pipelineFindings(cli: Cli): Promise<Finding[]> {
  try {
    const { checkPipelines } = await import('../doctor/pipelines.js');
    return await checkPipelines(cli.root);
  } catch (error) {
    return [fail('pipelines', messageOf(error), 'npm install')];
  }
}
