import type { IncomingMessage, ServerResponse } from 'node:http';
import { isMillraceError } from '../errors.js';
import type { ApiMode } from './customer-api.js';
import { readJson, sendError, sendJson } from './json-http.js';

/** What loading a day brought into the sources. */
export interface LoadedDay {
  date: string;
  lines: number;
  customers: number;
  products: number;
  clickFiles: number;
}

export interface AdminHooks {
  modes: readonly ApiMode[];
  setMode(mode: ApiMode): void;
  loadDay: ((date: string) => Promise<LoadedDay>) | undefined;
}

/** `POST /admin/mode {"mode": "down"}` and `POST /admin/days/YYYY-MM-DD`; the caller has shown its token. Never rejects. */
export async function handleAdmin(url: URL, request: IncomingMessage, response: ServerResponse, hooks: AdminHooks): Promise<void> {
  try {
    await answerAdmin(url, request, response, hooks);
  } catch (error) {
    const code = isMillraceError(error) ? error.code : 'INTERNAL';
    const status = code === 'BAD_PARAMS' ? 400 : code === 'SOURCE_MISSING' ? 404 : code.startsWith('SOURCE_') ? 422 : 500;
    sendError(response, status, code, isMillraceError(error) ? error.message : 'the day could not be loaded; see the log of the demonstration');
  }
}

async function answerAdmin(url: URL, request: IncomingMessage, response: ServerResponse, hooks: AdminHooks): Promise<void> {
  const date = /^\/admin\/days\/([^/]+)$/.exec(url.pathname)?.[1];
  const knownPath = url.pathname === '/admin/mode' || (date !== undefined && hooks.loadDay !== undefined);
  if (!knownPath) return sendError(response, 404, 'not_found', `there is no ${url.pathname}; see /admin/mode and /admin/days/YYYY-MM-DD`);
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    return sendError(response, 405, 'method_not_allowed', `${url.pathname} answers POST only`);
  }
  if (date !== undefined && hooks.loadDay !== undefined) return sendJson(response, 200, await hooks.loadDay(date));
  const body = await readJson(request);
  const mode = hooks.modes.find((known) => typeof body === 'object' && body !== null && 'mode' in body && body.mode === known);
  if (mode === undefined) return sendError(response, 400, 'bad_request', `send {"mode": "…"} with one of ${hooks.modes.join(', ')}`);
  hooks.setMode(mode);
  return sendJson(response, 200, { mode });
}
