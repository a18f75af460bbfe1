/** Every server program that Millrace obtains by itself, and the one place where their versions are pinned. */

export const TEMPORAL_CLI = {
  /** What is downloaded or built. Newer ones have a replace directive, which `go install` refuses. */
  version: '1.5.1',
  goPackage: 'github.com/temporalio/cli/cmd/temporal',
  /** A `temporal` that is there already is new enough from here on: the server that CLI 1.5.1 holds. */
  minimumServer: '1.29.1',
  downloads: 'https://temporal.download',
} as const;

export const VERSITYGW = {
  version: '1.8.0',
  goPackage: 'github.com/versity/versitygw/cmd/versitygw',
} as const;

/** Jars from Maven Central, as one broker with KRaft. */
export const KAFKA = {
  version: '4.1.0',
  artifact: 'kafka_2.13',
} as const;

/** CloudWatch, from PyPI. Flask and its companion instead of moto's extra `server`, which brings another 180 MB that CloudWatch does not need. */
export const MOTO = {
  version: '5.2.5',
  packages: ['moto==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'],
  python: '3.10',
} as const;

/** Checks docker-compose.yml on a machine without Docker; a user's own Docker is taken first. */
export const DOCKER_COMPOSE = {
  version: '2.40.3',
  goModule: 'github.com/docker/compose/v2',
  goPackage: 'github.com/docker/compose/v2/cmd',
} as const;

/** `1.29.1` is at least `1.29.0`; what follows the third number does not count. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [found, wanted] = [numbersOf(version), numbersOf(minimum)];
  const differs = wanted.findIndex((number, index) => number !== found[index]);
  return differs === -1 || (found[differs] ?? 0) > (wanted[differs] ?? 0);
}

function numbersOf(version: string): number[] {
  return version.split(/[.+-]/, 3).map((part) => Number.parseInt(part, 10) || 0);
}
