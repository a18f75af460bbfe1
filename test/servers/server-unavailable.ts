/** A server's program is not on this machine; the message says how to get it. */
export class ServerUnavailable extends Error {
  override readonly name = 'ServerUnavailable';
}
