/** S3 gives etags in quotes, and some stores leave them out in listings: without quotes they compare equal. */
export function etagIn(answer: { ETag?: string | undefined }): string {
  return (answer.ETag ?? '').replace(/^"|"$/g, '');
}

export function quotedEtag(etag: string): string {
  return `"${etag}"`;
}

/** `null` is S3's name for what was written before the bucket kept versions, and not a version that stays. */
export function versionIn(answer: { VersionId?: string | undefined }): { versionId?: string } {
  return answer.VersionId === undefined || answer.VersionId === 'null' ? {} : { versionId: answer.VersionId };
}
