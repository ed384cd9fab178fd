import type { SimMember } from './sim-member.js';
import { ADD, ADD_LEARNER, bytes, confChange, confState, REMOVE } from './support.js';
import { messageText, statusText } from './transcript-format.js';
import { Scene } from './transcript-scene.js';

type Command = (scene: Scene, words: string[]) => void;

const CHANGES = { add: ADD, promote: ADD, 'add-learner': ADD_LEARNER, remove: REMOVE } as const;

/** See transcripts/README.md. */
const COMMANDS: { readonly [name: string]: Command } = {
  cluster: (scene, [size]) => scene.cluster(Number(size)),
  joiner: (scene, [id]) => scene.add(BigInt(id as string), { voters: [], learners: [] }),
  disk: (scene, [id, ...fields]) => {
    const field = (name: string) =>
      fields.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
    const number = (name: string) => Number(field(name) ?? 0);
    const terms = (field('terms') ?? '').split(',').filter(Boolean).map(Number);
    const { confState: conf } = scene.member(id as string).raft.status;
    const large = fields.includes('large');
    const image = { terms, large, term: number('term'), vote: number('vote'), commit: number('commit') };
    scene.add(BigInt(id as string), conf, image);
  },
  founded: (scene, [size]) => {
    for (const id of confState(Number(size)).voters) scene.addFounder(id, Number(size));
  },
  wipe: (scene, [id]) => scene.add(BigInt(id as string), confState(scene.members.size)),

  campaign: (scene, [id]) => scene.act(id as string, ({ raft }) => raft.campaign()),
  tick: (scene, [id, times = '1']) => {
    for (let time = 0; time < Number(times); time++) scene.act(id as string, ({ raft }) => raft.tick());
  },
  propose: (scene, [id, ...data]) =>
    scene.act(id as string, ({ raft }) => note(scene, raft.propose(data.map(bytes)))),
  change: (scene, [id, what, target]) =>
    scene.act(id as string, ({ raft }) => {
      const type = CHANGES[what as keyof typeof CHANGES];
      note(scene, raft.proposeConfChange(confChange(type, BigInt(target as string))));
    }),
  read: (scene, [id, name]) =>
    scene.act(id as string, ({ raft }) => {
      if (!raft.readIndex(bytes(name as string))) note(scene, 'no leader is known');
    }),
  transfer: (scene, [from, to]) =>
    scene.act(from as string, ({ raft }) => {
      if (!raft.transferLeadership(BigInt(to as string))) note(scene, 'not possible');
    }),

  deliver: (scene, words) => {
    const newer = words.includes('newer');
    const [link] = words.filter((word) => word !== 'newer');
    scene.deliver(scene.take(link), { show: true, newer });
  },
  settle: (scene) => scene.settle(),
  drop: (scene, [link]) => {
    for (const message of scene.take(link)) scene.lines.push(`lost: ${messageText(message)}`);
  },
  hold: (scene, [link]) => {
    scene.held.push(...scene.take(link));
  },
  copy: (scene, [link]) => {
    scene.held.push(...scene.network.filter(({ from, to }) => link === `${from}>${to}`));
  },
  'let-go': (scene) => {
    scene.deliver(scene.held.splice(0), { show: true });
  },
  repeat: (scene, [link]) => {
    const matches = scene.take(link);
    scene.network.push(...matches, ...matches);
  },
  network: (scene) => {
    for (const message of scene.network) scene.lines.push(messageText(message));
  },
  cut: (scene, ids) => {
    scene.isolated = new Set(ids.map(BigInt));
  },
  heal: (scene) => scene.isolated.clear(),
  unreachable: (scene, [link]) => {
    const [from, to] = (link as string).split('>') as [string, string];
    scene.act(from, ({ raft }) => raft.reportUnreachable(BigInt(to)));
  },
  'state-sent': (scene, [link, how]) => {
    const [from, to] = (link as string).split('>') as [string, string];
    scene.report(from, to, how !== 'failed');
  },

  'slow-disk': (scene, [id]) => void scene.slow.add(BigInt(id as string)),
  'fast-disk': (scene, [id]) => void scene.slow.delete(BigInt(id as string)),
  write: (scene, [id]) => scene.act(id as string, (member) => member.finishWrite()),
  'slow-reads': (scene, [id]) => void scene.slowReads.add(BigInt(id as string)),
  fetched: (scene, [id]) => scene.act(id as string, (member) => member.finishFetch()),
  evict: (scene, [id]) => scene.member(id as string).evict(),
  compact: (scene, [id]) => scene.member(id as string).compact(),
  crash: (scene, [id, keep = 'nothing']) => {
    const torn = keep === 'nothing' || keep === 'everything' ? keep : { entries: Number(keep) };
    scene.member(id as string).crash(torn);
  },
  restart: (scene, [id]) => scene.restart(id as string),

  status: (scene, ids) => {
    const members: SimMember[] =
      ids.length === 0 ? [...scene.members.values()] : ids.map((id) => scene.member(id));
    for (const member of members) scene.lines.push(...statusText(member));
  },
};

function note(scene: Scene, refusal: string | undefined): void {
  if (refusal !== undefined) scene.lines.push(`refused: ${refusal}`);
}

const RULER = '----';

/** Carries out a transcript's commands; the same transcript with the output they have now. */
export function replay(text: string): string {
  const scene = new Scene();
  const output: string[] = [];
  let inOutput = false;
  for (const line of text.trimEnd().split('\n')) {
    if (inOutput) {
      if (line !== '') continue;
      inOutput = false;
    }
    output.push(line);
    if (line === RULER) {
      output.push(...scene.lines.splice(0));
      inOutput = true;
    } else if (line !== '' && !line.startsWith('#')) {
      const [name = '', ...words] = line.split(/\s+/);
      const command = COMMANDS[name];
      if (command === undefined) throw new Error(`unknown command: ${line}`);
      command(scene, words);
    }
  }
  return `${output.join('\n')}\n`;
}
