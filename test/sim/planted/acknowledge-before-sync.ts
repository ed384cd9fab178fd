import { withFiles } from './disk-files.js';
import type { Planted } from './types.js';

const LATER_MS = 40;

/** A write of the log counts as durable when it has been handed to the system; the sync comes a little later. */
export const acknowledgeBeforeSync: Planted = {
  name: 'acknowledge before sync',
  profile: 'crashes',
  seeds: 20,
  sabotage: (ports) => ({
    ...ports,
    disk: withFiles(ports.disk, async (file, path, how) => {
      if (how !== 'durable') return file;
      const lazy = await ports.disk.open(path, 'write');
      return {
        ...file,
        write: async (position, data) => {
          await lazy.write(position, data);
          ports.clock.schedule(LATER_MS, () => void lazy.sync().catch(() => undefined));
        },
        close: async () => {
          await lazy.close();
          await file.close();
        },
      };
    }),
  }),
};
