/** What a pass is doing at the moment, for who shows its progress. */
export type Activity =
  | { readonly type: 'files'; readonly count: number }
  /** `revision`: of the keys, where a file is rendered from several. */
  | { readonly type: 'rendering'; readonly dest: string; readonly revision?: number }
  | {
      readonly type: 'command';
      readonly kind: 'check' | 'verify' | 'reload';
      readonly dests: readonly string[];
    };
