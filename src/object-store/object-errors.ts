import { MillraceError } from '../errors.js';

export function missingObject(uri: string): MillraceError {
  return new MillraceError('OBJECT_MISSING', `There is no object ${uri}. Run the step that writes it, or check the address.`);
}

export function changedObject(uri: string, cause?: unknown): MillraceError {
  const message = `The object ${uri} is not the version that was asked for: it has been replaced or deleted since. Start again from the present one.`;
  return new MillraceError('OBJECT_CHANGED', message, { cause });
}

export function existingObject(uri: string, cause?: unknown): MillraceError {
  return new MillraceError('OBJECT_CHANGED', `The object ${uri} exists already, and was to be written only if absent.`, { cause });
}

/** Also what HTTP calls an unsatisfiable range: it begins behind the last byte. */
export function rangeOutside(uri: string, cause?: unknown): MillraceError {
  return new MillraceError('BAD_PARAMS', `The byte range begins behind the end of the object ${uri}.`, { cause });
}

export function foreignAddress(base: string): MillraceError {
  return new MillraceError('BAD_PARAMS', `The address is not one of this object store, whose addresses begin with ${base}.`);
}
