import { createHash, createHmac } from 'node:crypto';
import { bytesOf } from '../../base/byte-text.js';
import { define } from './types.js';

/** Digests, in hexadecimal. */
export const hashFunctions = [
  ...(
    [
      ['sha256sum', 'sha256'],
      ['sha256Hex', 'sha256'],
      ['md5sum', 'md5'],
    ] as const
  ).map(([name, algorithm]) =>
    define({
      name,
      params: ['text'],
      yields: 'text',
      run: (_, text) => createHash(algorithm).update(bytesOf(text)).digest('hex'),
    }),
  ),
  define({
    name: 'hmacSHA256Hex',
    params: ['text', 'text'],
    yields: 'text',
    run: (_, message, key) => createHmac('sha256', bytesOf(key)).update(bytesOf(message)).digest('hex'),
  }),
];
