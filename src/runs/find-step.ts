/** The parts of a step's id: its groups, then the step itself. A map key in brackets belongs to its part, with its dots. */
export function stepPath(id: string): string[] {
  return id.match(/(?:\[[^\]]*\]|[^.])+/g) ?? [id];
}

/** The group around a step; `undefined` for a step that is in none. */
export function groupOf(id: string): string | undefined {
  const groups = stepPath(id).slice(0, -1);
  return groups.length === 0 ? undefined : groups.join('.');
}

/** Whether people mean this step: by its id, by the end of it, or by a group around it. */
export function matchesStep(id: string, wanted: string): boolean {
  return isNamed(id, wanted) || id.startsWith(`${wanted}.`);
}

/** The steps that `wanted` names, without groups: one by its id, else all whose id ends with it (`extractSales`, `inner.load`). */
export function stepsNamed<T extends { id: string }>(steps: readonly T[], wanted: string): T[] {
  const exact = steps.filter(({ id }) => id === wanted);
  return exact.length > 0 ? exact : steps.filter(({ id }) => isNamed(id, wanted));
}

function isNamed(id: string, wanted: string): boolean {
  return id === wanted || id.endsWith(`.${wanted}`);
}
