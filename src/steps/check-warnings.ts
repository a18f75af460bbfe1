/** What `runChecks` says of one check, as far as a warning needs it. */
interface CheckLike {
  name: string;
  severity: string;
  passed: boolean;
  observed: string;
  expected: string;
}

/** Failed checks of severity WARN in a step's result: in the array that it is, or in one that it holds. */
export function warningsIn(result: unknown): { name: string; observed: string; expected: string }[] {
  return checkListsIn(result)
    .flat()
    .filter(({ severity, passed }) => severity === 'WARN' && !passed)
    .map(({ name, observed, expected }) => ({ name, observed, expected }));
}

function checkListsIn(result: unknown): CheckLike[][] {
  if (typeof result !== 'object' || result === null) return [];
  return (Array.isArray(result) ? [result] : Object.values(result)).filter(isCheckList);
}

/** The first one speaks for all, so that a list of other things costs one look. */
function isCheckList(value: unknown): value is CheckLike[] {
  if (!Array.isArray(value)) return false;
  const first: unknown = value[0];
  return typeof first === 'object' && first !== null && ['name', 'severity', 'passed', 'observed', 'expected'].every((field) => field in first);
}
