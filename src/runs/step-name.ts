/** What the steps of a map, and calls of the same name, have in common: of `extract.train[resnet]#2` it is `extract.train`. */
export function stepName(id: string): string {
  return id.replaceAll(/\[[^\]]*\]|#\d+$/g, '');
}
