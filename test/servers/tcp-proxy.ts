import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What happens to an answer once `afterBytes` of it have passed. */
export interface Disturbance {
  afterBytes: number;
  fate: 'cut' | 'stall';
  /** How many answers it happens to; the others pass. */
  times: number;
}

export interface TcpProxy {
  /** `http://127.0.0.1:port` */
  url: string;
  disturb(disturbance: Disturbance): void;
  /** How often somebody has connected. */
  connections(): number;
  stop(): Promise<void>;
}

/** A network that breaks on command, in front of a server on the loopback address. */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let disturbance: Disturbance = { afterBytes: 0, fate: 'cut', times: 0 };

  let connections = 0;
  const server = createServer((client) => {
    connections += 1;
    const upstream = connect(Number(port), hostname);
    let passed = 0;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    // Counted anew for every request: connections are kept alive.
    client.on('data', () => (passed = 0)).pipe(upstream);
    upstream.on('data', (chunk: Buffer) => {
      const { afterBytes, fate, times } = disturbance;
      const passing = times > 0 ? chunk.subarray(0, Math.max(0, afterBytes - passed)) : chunk;
      passed += passing.length;
      if (passing.length === chunk.length) {
        client.write(chunk);
        return;
      }
      disturbance = { ...disturbance, times: times - 1 };
      upstream.pause();
      client.write(passing, () => {
        if (fate === 'cut') client.destroy();
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    disturb: (next) => {
      disturbance = next;
    },
    connections: () => connections,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
