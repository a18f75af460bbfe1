import { connect, createServer, type Socket } from 'node:net';
import { once } from 'node:events';

export interface KafkaProxy {
  port: number;
  /** How many joins were answered with an error. */
  refusedJoins(): number;
  close(): Promise<void>;
}

const JOIN_GROUP = 11;

/**
 * Between clients and a real broker: passes on what they say, and answers the first joins of a group as a broker does that is still
 * loading its groups. `errorCode` is the protocol's.
 */
export async function startKafkaProxy(brokerPort: number, { joins, errorCode }: { joins: number; errorCode: number }): Promise<KafkaProxy> {
  let refused = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(brokerPort, '127.0.0.1');
    for (const [socket, other] of [[client, broker], [broker, client]] as const) {
      sockets.add(socket);
      socket.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
    broker.pipe(client);
    let waiting = Buffer.alloc(0);
    client.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk]);
      while (waiting.length >= 4 && waiting.length >= 4 + waiting.readInt32BE(0)) {
        const request = waiting.subarray(0, 4 + waiting.readInt32BE(0));
        waiting = waiting.subarray(request.length);
        if (request.readInt16BE(4) === JOIN_GROUP && refused < joins) {
          refused += 1;
          client.write(joinRefused(request, errorCode));
        } else {
          broker.write(request);
        }
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as { port: number }).port,
    refusedJoins: () => refused,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** JoinGroup response, version 2 to 5: throttle time, error, generation, protocol, leader, member, members. */
function joinRefused(request: Buffer, errorCode: number): Buffer {
  const correlation = request.subarray(8, 12);
  const body = Buffer.concat([Buffer.alloc(4), int16(errorCode), Buffer.from([0xff, 0xff, 0xff, 0xff]), int16(0), int16(0), int16(0), Buffer.alloc(4)]);
  const size = Buffer.alloc(4);
  size.writeInt32BE(correlation.length + body.length);
  return Buffer.concat([size, correlation, body]);
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}
