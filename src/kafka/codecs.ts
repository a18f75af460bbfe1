import { compress, decompress, init } from '@bokuweb/zstd-wasm';
import kafkajs, { type CompressionTypes as CompressionType } from 'kafkajs';
import snappy from 'kafkajs-snappy';
import { compressFrame, decompressFrame } from 'lz4-napi';
import type { Compression } from './message-log.js';

const { CompressionTypes, CompressionCodecs } = kafkajs;

/** As kafkajs calls it: with its encoder, and with the bytes of a batch. */
export interface Codec {
  compress(encoder: { buffer: Buffer }): Promise<Buffer>;
  decompress(buffer: Buffer): Promise<Buffer>;
}

/** kafkajs knows gzip only; the others are registered with it, for the whole process. */
export function registerCodecs(): void {
  CompressionCodecs[CompressionTypes.Snappy] = snappy;
  CompressionCodecs[CompressionTypes.LZ4] = () => lz4;
  CompressionCodecs[CompressionTypes.ZSTD] = () => zstd;
}

export const COMPRESSION_TYPES: Readonly<Record<Compression, CompressionType>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
};

const lz4: Codec = {
  compress: ({ buffer }) => compressFrame(buffer),
  decompress: (buffer) => decompressFrame(buffer),
};

const zstd: Codec = {
  async compress({ buffer }) {
    await init();
    return Buffer.from(compress(buffer));
  },
  async decompress(buffer) {
    await init();
    return inflateZstd(buffer);
  },
};

/** Larger than what any broker takes as one batch. */
const MOST_INFLATED = 512 * 2 ** 20;

/** Clients that compress while they write do not say how large a batch was: then room is made until it fits. */
function inflateZstd(buffer: Buffer): Buffer {
  for (let room = Math.max(2 ** 20, buffer.length * 8); ; room *= 4) {
    try {
      return Buffer.from(decompress(buffer, { defaultHeapSize: room }));
    } catch (error) {
      if (room > MOST_INFLATED) throw error;
    }
  }
}
