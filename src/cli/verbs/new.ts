import { EXIT_CODES } from '../exit-codes.js';
import { createPipeline } from '../new/create-pipeline.js';
import { defineVerb, type Verb } from '../verb.js';

export const newVerb: Verb = (parent, act) => {
  defineVerb(parent, {
    usage: 'new <NAME>',
    summary: 'write a new pipeline that runs: workflow, steps, checks, catalog row, test and page',
    details: 'Reads from the connection SALES and publishes one table; what is yours is marked there. docs/write-a-pipeline.md goes on from here.',
    examples: ['new daily-returns'],
  }).action(
    act(async (cli, [name], { json }) => {
      const { created, changed } = await createPipeline(cli.root, name!);
      if (json) cli.screen.print(JSON.stringify({ created, changed }, undefined, 2));
      else {
        const lines = [...created.map((file) => `created  ${file}`), ...changed.map((file) => `changed  ${file}`)];
        cli.screen.print(`${lines.join('\n')}\n\nNext:\n  npx vitest run test/workflows/${name}.test.ts\n  npm start -- --pipeline ${name}`);
      }
      return EXIT_CODES.OK;
    }),
  );
};
