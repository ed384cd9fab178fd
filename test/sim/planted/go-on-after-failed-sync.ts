import { withFiles } from './disk-files.js';
import type { Planted } from './types.js';

const swallow = (work: Promise<void>) => work.catch(() => undefined);

/** A sync that failed is taken for one that succeeded. */
export const goOnAfterFailedSync: Planted = {
  name: 'go on after a failed sync',
  profile: 'disks',
  seeds: 20,
  sabotage: (ports) => ({
    ...ports,
    disk: withFiles(ports.disk, (file) => ({
      ...file,
      write: (position, data) => swallow(file.write(position, data)),
      sync: () => swallow(file.sync()),
    })),
  }),
};
