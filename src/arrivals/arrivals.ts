/** One version of a file that has arrived: what is loaded is this version, or the step fails with `OBJECT_CHANGED`. */
export interface ArrivedFile {
  uri: string;
  /** In the store of MILLRACE_CONN_INCOMING. */
  key: string;
  size: number;
  etag: string;
  /** Set where the store keeps versions: then this version is read even when it has been replaced. */
  versionId?: string;
  /** ISO 8601 UTC. */
  lastModified: string;
}

/** When files that are there may be taken. Each condition that is given has to hold. */
export interface Readiness {
  /** Key of an object that its writer puts behind the files it vouches for: files that are newer than it wait for the next one. */
  marker?: string;
  /** Key of an object that lists the files of the set: all have to be there, and no others are taken. */
  manifest?: string;
  /** So many files that have not been processed. */
  minimum?: number;
  /** Seconds in which no file was added, replaced or removed. By the clocks of the store and of the worker. */
  quietSeconds?: number;
}

export interface ArrivalRequest {
  /** Wildcards of fnmatch: `incoming/data_*.csv`. A `*` stays inside its folder. */
  pattern: string;
  /** Wildcards take a `/` too. */
  crossFolders?: boolean;
  ready?: Readiness;
  /** At most so many files; default all. The others are left to the next run. */
  limit?: number;
}

/** What a sensor has found: every file that matches and has not been processed, ascending by key, up to the limit. */
export interface Arrivals {
  /** Empty when there are so many that they stand in `listing`. */
  files: ArrivedFile[];
  /** Address of a JSON array of the files in the lake, when they are too many for a step's result. */
  listing?: string;
  count: number;
  bytes: number;
  /** Files that are ready too, and are left to the next run by the limit. */
  left: number;
}
