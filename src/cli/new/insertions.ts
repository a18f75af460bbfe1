import type { Names } from './names.js';

/** A line or two that a new pipeline needs in a file that is there already. */
export interface Insertion {
  file: string;
  /** Begins the part of the file that it belongs to; the file has exactly one of it. */
  within: string;
  /** It goes before the first of this after `within`. */
  before: string;
  text: string;
}

export function insertionsFor({ name, Name, camel, snake, Title }: Names): Insertion[] {
  return [
    { file: 'workflows/index.ts', within: '/** What the workflow bundle holds. */', before: `export { deliverAlert }`, text: `export { ${camel} } from './${name}.js';\n` },
    { file: 'activities/index.ts', within: `import type { Dependencies }`, before: `\n/** Every activity that a worker offers`, text: `import { create${Name}Activities } from './${name}/index.js';\n` },
    { file: 'activities/index.ts', within: `export function createActivities`, before: `  };\n`, text: `    ...create${Name}Activities(deps),\n` },
    {
      file: 'src/catalog.ts',
      within: `export const CATALOG`,
      before: `];\n`,
      text: `  {
    name: '${name}',
    workflow: '${camel}',
    description: '${Title}: what it is for',
    owner: 'data-team',
    taskQueue: 'millrace',
    connections: ['SALES', 'LAKE', 'WAREHOUSE', 'MAIL'],
    parameters: [],
    schedule: { cron: '0 2 * * *', timezone: 'UTC' },
    alerts: { routes: TOLD_BY_MAIL },
    publishes: ['${snake}'],
  },
`,
    },
  ];
}
