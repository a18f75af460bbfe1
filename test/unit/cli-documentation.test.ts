import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-codes.js';
import { createProgram, verbsOf } from '../../src/cli/program.js';

const manual = readFileSync(new URL('../../docs/cli.md', import.meta.url), 'utf8');
const verbs = verbsOf(createProgram(() => async () => {}));

describe('docs/cli.md', () => {
  it('documents every verb with its arguments, and no other', () => {
    const documented = [...manual.matchAll(/^\| `([a-z]+(?: [a-z]+)?)(?: [A-Z[\]]+)*` \|/gm)].map(([, name]) => name!).filter((name) => name !== 'last');
    expect(documented).toEqual(verbs.map(({ name }) => name));
    for (const { name, command } of verbs) {
      const args = command.registeredArguments.map((argument) => (argument.required ? argument.name() : `[${argument.name()}]`));
      expect(manual).toContain(`| \`${[name, ...args].join(' ')}\` |`);
    }
  });

  it('documents every exit code, and no other', () => {
    const documented = [...manual.matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(documented).toEqual(Object.values(EXIT_CODES));
  });
});

describe('--help', () => {
  it.each(verbs.map(({ name, command }) => [name, command] as const))('of %s has an example that begins with the verb, and --json', (name, command) => {
    let help = '';
    command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp();
    expect(help).toContain(`$ millrace ${name}`);
    expect(help).toContain('--json');
  });
});
