import type { AddressInfo } from 'node:net';
import dynalite from 'dynalite';

/** An in-process DynamoDB in memory, on a free port of the loopback interface. It takes any credentials. */
export async function startDynalite(): Promise<{ host: string; port: number; endpoint: string; stop(): Promise<void> }> {
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
  const host = '127.0.0.1';
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    endpoint: `http://${host}:${port}`,
    stop: async () => {
      const closed = new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
      });
      server.closeAllConnections();
      await closed;
    },
  };
}
