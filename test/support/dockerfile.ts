/**
 * A Dockerfile as a list of instructions, and its .dockerignore: the subset that ours uses, anything else is an
 * error.
 *
 * @module
 */
export interface Instruction {
  readonly name: string;
  readonly text: string;
}

export interface Stage {
  readonly base: string;
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

const KNOWN = /^(FROM|ARG|WORKDIR|COPY|RUN|LABEL|ENV|USER|ENTRYPOINT|CMD)$/;

/** Stages of a Dockerfile; those ARG that stand before the first are its first member, as defaults by name. */
export function parseDockerfile(text: string): {
  readonly args: Readonly<Record<string, string>>;
  readonly stages: readonly Stage[];
} {
  const lines = text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const args: Record<string, string> = {};
  const stages: { base: string; name: string | undefined; instructions: Instruction[] }[] = [];
  for (const line of lines) {
    const [, name = '', rest = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
    if (!KNOWN.test(name)) throw new Error(`expected an instruction of a Dockerfile, found ${line}`);
    if (name === 'FROM') {
      const [, base = '', stage] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      const filled = base.replaceAll(/\$\{(\w+)\}/g, (_, arg: string) => args[arg] ?? '');
      stages.push({ base: filled, name: stage, instructions: [] });
    } else if (stages.length > 0) stages.at(-1)?.instructions.push({ name, text: rest });
    else if (name === 'ARG') Object.assign(args, Object.fromEntries([rest.split(/=(.*)/s).slice(0, 2)]));
    else throw new Error(`expected FROM before ${line}`);
  }
  return { args, stages };
}

/** The words of COPY; `from` is a stage. */
export function parseCopy({ text }: Instruction): {
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
} {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** Whether a file of the project gets to the build: the last pattern that matches it, or a folder above, decides. */
export function isSent(dockerignore: string, path: string): boolean {
  let sent = true;
  for (const line of dockerignore.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
    const pattern = line.replace(/^!/, '');
    const parts = path.split('/');
    const folders = parts.map((_, at) => parts.slice(0, at + 1).join('/'));
    if (folders.some((folder) => matches(folder, pattern))) sent = line.startsWith('!');
  }
  return sent;
}

/** Names that begin with a dot are matched as well, other than by a shell. */
function matches(path: string, pattern: string): boolean {
  if (/[?[\]\\]|\*\*/.test(pattern)) throw new Error(`expected a pattern with * alone, found ${pattern}`);
  const parts = pattern.split('*').map((part) => part.replaceAll('.', '\\.'));
  return new RegExp(`^${parts.join('[^/]*')}$`).test(path);
}
