import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { projectRoot } from '../support/build-job.ts';
import { isSent, parseCopy, parseDockerfile } from '../support/dockerfile.ts';

const read = (name: string): string => readFileSync(join(projectRoot, name), 'utf8');
const { args, stages } = parseDockerfile(read('Dockerfile'));
const ignore = read('.dockerignore');
const [build, image] = stages;

test('there are two stages of one base, a slim image of the Node.js that package.json asks for', (t) => {
  t.is(stages.length, 2);
  t.is(build?.name, 'build');
  const base = args.NODE_IMAGE ?? '';
  t.regex(base, /^docker\.io\/library\/node:\d+-\w+-slim$/);
  t.deepEqual([build?.base, image?.base], [base, base]);
  const [, major] = /node:(\d+)/.exec(base) ?? [];
  t.true(JSON.parse(read('package.json')).engines.node.startsWith(`>=${major}.`));
});

test('the image runs silt, as somebody else than root, from files of root', (t) => {
  const last = (name: string) => image?.instructions.findLast((one) => one.name === name)?.text;
  t.is(last('USER'), 'node');
  t.is(last('ENTRYPOINT'), '["silt"]');
  t.is(last('WORKDIR'), '/work');
  const copies = image?.instructions.filter(({ name }) => name === 'COPY') ?? [];
  t.true(copies.length > 0);
  for (const { text } of copies) t.notRegex(text, /--chown/);
  const order = image?.instructions.map(({ name }) => name) ?? [];
  t.true(order.lastIndexOf('USER') > order.lastIndexOf('RUN'), 'what is run at build time is run as root');
});

test('what is copied from the project is there and is sent', (t) => {
  const copies = stages.flatMap(({ instructions }) => instructions.filter(({ name }) => name === 'COPY'));
  const sources = copies.map(parseCopy).flatMap(({ from, sources }) => (from === undefined ? sources : []));
  t.true(sources.length >= 7);
  for (const path of sources) {
    t.true(existsSync(join(projectRoot, path)), path);
    const isFolder = statSync(join(projectRoot, path)).isDirectory();
    t.true(isSent(ignore, isFolder ? `${path}/some/file` : path), path);
  }
});

test('nothing else is sent: no keys, no history, no modules of this machine', (t) => {
  const others = [
    'keys/root.pem',
    '.git/config',
    '.npmrc',
    'node_modules/ava/package.json',
    'dist/cli/main.js',
  ];
  for (const path of [...others, 'scripts/demo.ts', 'packaging/ci/other', 'test/a.ts']) {
    t.false(isSent(ignore, path), path);
  }
  const sent = readdirSync(projectRoot).filter((name) => isSent(ignore, name));
  const files = ['LICENSE', 'package-lock.json', 'package.json', 'tsconfig.build.json', 'tsconfig.json'];
  t.deepEqual(sent.toSorted(), [...files, 'src', 'wasm'].toSorted());
});

test('packages come by the lock file, run nothing, and those of developers go again', (t) => {
  const run = build?.instructions.filter(({ name }) => name === 'RUN').map(({ text }) => text) ?? [];
  const npm = run.flatMap((line) => line.split('&&')).filter((line) => /npm (ci|install|prune)/.test(line));
  t.is(npm.length, 2);
  for (const line of npm) t.regex(line, /--ignore-scripts/);
  t.regex(npm[0] ?? '', /^npm ci /);
  t.regex(npm[1] ?? '', /^npm prune --omit=dev /);
});
