import { createConnection, createServer } from 'node:net';

/** The loopback interface, on which everything embedded listens. */
export const LOOPBACK = '127.0.0.1';

/** A TCP port of the loopback interface that was free a moment ago. */
export async function freePort(): Promise<number> {
  const port = await bind(0);
  if (port === undefined) throw new Error(`no free port on ${LOOPBACK}`);
  return port;
}

/** Can `port` be listened on now? */
export async function isFree(port: number): Promise<boolean> {
  return (await bind(port)) !== undefined;
}

/** Does something listen on `host:port`? Answers within `timeoutMs`. */
export async function answers(address: string, timeoutMs = 1000): Promise<boolean> {
  const at = address.lastIndexOf(':');
  const socket = createConnection({ host: address.slice(0, at), port: Number(address.slice(at + 1)), timeout: timeoutMs });
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('timeout', () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

async function bind(port: number): Promise<number | undefined> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}
