declare module 'kafkajs-snappy' {
  import type { Codec } from './codecs.js';

  export default function snappy(): Codec;
}
