import type { Fields } from './fields.js';
import type { Resource, ResourceDefaults, Wait } from './types.js';

/** What happens after the swap: of one file, or of all files of a group. */
export type Reloading = Pick<
  Resource,
  | 'verifyCmd'
  | 'verifyTimeoutMs'
  | 'reloadCmd'
  | 'reloadTimeoutMs'
  | 'minReloadIntervalMs'
  | 'wait'
  | 'rollbackOnReloadFailure'
  | 'reloadSplayMs'
  | 'lane'
>;

export const RELOADING_KEYS: readonly string[] = [
  'verify_cmd',
  'verify_cmd_timeout',
  'reload_cmd',
  'reload_cmd_timeout',
  'min_reload_interval',
  'wait',
  'debounce',
  'rollback_on_reload_failure',
  'reload_splay',
];

export const NO_DEFAULTS: ResourceDefaults = {
  renderTimeoutMs: 10_000,
  maxOutputBytes: 64 * 1024 * 1024,
  checkTimeoutMs: 30_000,
  reloadTimeoutMs: 60_000,
  wait: undefined,
};

export function readReloading(fields: Fields, defaults: ResourceDefaults): Reloading {
  const reloadCmd = fields.command('reload_cmd');
  const rollback = fields.boolean('rollback_on_reload_failure') ?? false;
  if (rollback && reloadCmd === undefined)
    fields.error('rollback_on_reload_failure', 'rollback_on_reload_failure needs a reload_cmd that may fail');
  const minReloadIntervalMs = fields.duration('min_reload_interval', 'zero') ?? 0;
  if (minReloadIntervalMs > 0 && reloadCmd === undefined)
    fields.error('min_reload_interval', 'min_reload_interval needs a reload_cmd');
  // What could be put back is the file before the swap, and by the time of a later reload there were others.
  if (minReloadIntervalMs > 0 && rollback) {
    fields.error(
      'min_reload_interval',
      'min_reload_interval puts reloads off, and rollback_on_reload_failure needs them at once: keep one of the two',
    );
  }
  return {
    verifyCmd: fields.command('verify_cmd'),
    verifyTimeoutMs: fields.duration('verify_cmd_timeout') ?? defaults.checkTimeoutMs,
    reloadCmd,
    reloadTimeoutMs: fields.duration('reload_cmd_timeout') ?? defaults.reloadTimeoutMs,
    minReloadIntervalMs,
    wait: readWait(fields, defaults.wait),
    rollbackOnReloadFailure: rollback,
    reloadSplayMs: fields.duration('reload_splay', 'zero') ?? 0,
    lane: undefined,
  };
}

/** The wait of resources that say none themselves, from --debounce and --batch-interval; 0: not given. */
export function defaultWait(debounceMs: number, batchMs: number): Wait | undefined {
  if (batchMs > 0) {
    const minMs = debounceMs > 0 ? Math.min(debounceMs, batchMs) : batchMs;
    return { minMs, maxMs: batchMs, together: true };
  }
  return debounceMs > 0 ? quiet(debounceMs) : undefined;
}

/** `max` is four times `min` where nobody says it. */
function quiet(minMs: number): Wait {
  return { minMs, maxMs: minMs * 4 };
}

/** `wait`, or `debounce`, which is a wait of that `min`. */
function readWait(fields: Fields, unsaid: Wait | undefined): Wait | undefined {
  const debounceMs = fields.duration('debounce', 'zero');
  const wait = fields.table('wait', '{ min = "1s", max = "5s" }');
  if (fields.has('debounce') && fields.has('wait')) {
    return fields.error(
      'debounce',
      'debounce and wait both say how long to wait for quiet: keep one (debounce = "1s" is wait = { min = "1s" })',
    );
  }
  if (wait === undefined) {
    if (debounceMs === undefined) return unsaid;
    return debounceMs === 0 ? undefined : quiet(debounceMs);
  }
  const minMs = wait.duration('min', 'zero');
  if (!wait.has('min')) wait.error('min', 'wait misses min: write wait = { min = "1s", max = "5s" }');
  const maxMs = wait.duration('max');
  wait.refuseUnknown();
  if (minMs === undefined) return undefined;
  if (maxMs !== undefined && maxMs < minMs)
    wait.error('max', 'max is shorter than min: raise max or lower min');
  return { minMs, maxMs: maxMs ?? minMs * 4 };
}
