import { randomBytes } from 'node:crypto';
import type { Random } from '../random.js';

/** The kernel's randomness. */
export class NodeRandom implements Random {
  uint32(): number {
    return randomBytes(4).readUInt32LE();
  }

  float(): number {
    return this.uint32() / 0x1_0000_0000;
  }
}
