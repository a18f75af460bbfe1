/** The package's entry also reads files, which has no place in the workflow sandbox. */
declare module 'cron-parser/dist/CronExpressionParser.js' {
  export { CronExpressionParser } from 'cron-parser';
}
