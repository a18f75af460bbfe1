import { IANAZone } from 'luxon';
import { z } from 'zod';

/** The parts that schemes have in common. Messages never repeat the value. */

export const required = (what: string) => z.string(`names no ${what}`).min(1, `names no ${what}`);

/** A query parameter that has to be there. */
export const parameter = () => z.string('is missing').min(1, 'is empty');

export const absent = (what: string) => z.undefined(`has ${what}, which this kind of connection does not take`).optional();

export const flag = () => z.enum(['true', 'false'], 'is neither true nor false').transform((value) => value === 'true');

export const timezone = () =>
  z.string().refine((zone) => IANAZone.isValidZone(zone), 'is not an IANA time zone such as Europe/London (an offset of two hours is written Etc/GMT-2)');

/** Seconds in the URI, milliseconds in the configuration. */
export const seconds = (most: number) =>
  z.coerce
    .number('is not a number of seconds')
    .positive('is not a number of seconds above 0')
    .max(most, `is more than ${most} seconds`)
    .transform((value) => Math.round(value * 1000));

/** Bare addresses only; a host without a dot is fine inside a network. */
export const mailAddress = () => z.string('is missing').regex(/^[^\s@<>,;"]+@[^\s@<>,;"]+$/, 'is not a mail address such as team@example.com');

export const endpoint = () =>
  z
    .string()
    .refine((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'is not an address that begins with http:// or https://')
    .refine((value) => !URL.canParse(value) || new URL(value).username === '', 'holds credentials: they belong before the host of the connection itself');

export const identifier = (what: string) => z.string().regex(/^[A-Za-z_][A-Za-z0-9_$]*$/, `is not the name of a ${what}`);
