import { pipelineName } from '../../durable/pipeline-name.js';
import { usageError } from '../cli-error.js';

/** What a template may leave open, written `{{Name}}` there. */
export interface Names {
  /** `daily-returns` */
  name: string;
  /** `DailyReturns` */
  Name: string;
  /** `dailyReturns` */
  camel: string;
  /** `daily_returns` */
  snake: string;
  /** `DAILY_RETURNS` */
  CONST: string;
  /** `Daily returns` */
  Title: string;
}

/** All forms of a pipeline's name; a usage error for one from which the others do not follow. */
export function namesOf(name: string): Names {
  const Name = name
    .split('-')
    .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    .join('');
  const camel = Name.charAt(0).toLowerCase() + Name.slice(1);
  if (!/^[a-z][a-z0-9]*(-[a-z][a-z0-9]*)+$/.test(name) || pipelineName(camel) !== name) {
    throw usageError(`${name} cannot be the name of a pipeline`, 'use two or more small words with - between them, such as daily-returns');
  }
  const spaced = name.replaceAll('-', ' ');
  return { name, Name, camel, snake: name.replaceAll('-', '_'), CONST: name.replaceAll('-', '_').toUpperCase(), Title: spaced.charAt(0).toUpperCase() + spaced.slice(1) };
}
