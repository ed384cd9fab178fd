/** Everything that a run can do to a cluster. */
export type FaultKind =
  // Processes and machines.
  | 'kill'
  | 'killAtStep'
  | 'killAll'
  | 'power'
  | 'stop'
  | 'powerAtStep'
  | 'powerAll'
  | 'pause'
  | 'pauseLeader'
  | 'jumpWall'
  | 'strandLeader'
  | 'strandPair'
  // The network.
  | 'partition'
  | 'oneWay'
  | 'isolate'
  | 'isolateLeader'
  | 'mend'
  // Disks.
  | 'slowDisk'
  | 'failDisk'
  | 'fullDisk'
  | 'wipe'
  // What operators do.
  | 'transfer'
  | 'compact'
  | 'addLearner'
  | 'addVoter'
  | 'promote'
  | 'remove'
  | 'update';
