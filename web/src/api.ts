/** Commands and questions to the server: plain requests of our own host, errors as sentences. */
import type { Kind } from './protocol';

/** A failure that a person may read: kind as in docs/api.md, message a sentence with what to do. */
export class ApiError extends Error {
  constructor(
    readonly kind: Kind,
    message: string,
  ) {
    super(message);
  }
}

const away = 'The server does not answer. The page keeps trying; if it stays, tell the instructor.';

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(20_000),
    });
  } catch {
    throw new ApiError('unavailable', away);
  }
  const text = await answer.text();
  let value: unknown;
  try {
    value = text === '' ? {} : JSON.parse(text);
  } catch {
    throw new ApiError('unavailable', away);
  }
  if (!answer.ok) {
    const error = (value as { error?: { kind?: Kind; message?: string } }).error;
    throw new ApiError(error?.kind ?? 'internal', error?.message ?? away);
  }
  return value as T;
}

export const get = <T>(path: string) => ask<T>('GET', path);
export const post = <T>(path: string, body: unknown = {}) => ask<T>('POST', path, body);
export const remove = <T>(path: string) => ask<T>('DELETE', path);

/** The sentence to show for any failure. */
export function sentence(err: unknown): string {
  return err instanceof ApiError ? err.message : away;
}

/** The address of a WebSocket of our own host. */
export function socketAddress(path: string): string {
  return `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`;
}

/** How long to wait before try n (0, 1, 2, …), in milliseconds: quick at first, at most 5 s, never in step with others. */
export function backOff(n: number, random: () => number = Math.random): number {
  const most = Math.min(5000, 200 * 2 ** Math.min(n, 10));
  return Math.round(most * (0.5 + random() / 2));
}
