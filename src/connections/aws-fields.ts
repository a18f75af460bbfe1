import { z } from 'zod';
import type { AwsCredentials } from './configs.js';

/** Both keys before the host, or neither. */
export const awsKeys = { user: z.string().optional(), password: z.string().optional() };

export const bothKeys = [
  ({ user, password }: { user?: string | undefined; password?: string | undefined }) => (user === undefined) === (password === undefined),
  'has one half of its credentials: write ACCESS_KEY_ID:SECRET_ACCESS_KEY before the @, or nothing to use the default chain of AWS',
] as const;

export function credentials(user: string | undefined, password: string | undefined): { credentials?: AwsCredentials } {
  return user === undefined || password === undefined ? {} : { credentials: { accessKeyId: user, secretAccessKey: password } };
}
