/** The guide to CI shows what is packaged, and what it says of it is so. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { buildJob, projectRoot, recordedJob } from '../support/build-job.ts';

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');
const guide = read('docs/guides/ci.md');
const blocks = (kind: string): string[] =>
  [...guide.matchAll(new RegExp(`^\`\`\`${kind}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, text = '']) => text);

test('the examples of YAML are those of the files', (t) => {
  const [github = '', gitlab = ''] = blocks('yaml');
  t.true(read('packaging/github/publish.yml').endsWith(`\n${github}`));
  const commented = gitlab.trimEnd().replaceAll(/^/gm, '#   ');
  t.true(read('packaging/gitlab/silt.gitlab-ci.yml').includes(`${commented}\n`));
  t.true(parse(gitlab).publish.extends in parse(read('packaging/gitlab/silt.gitlab-ci.yml')));
});

test('the tables have all inputs and outputs of the action', (t) => {
  const action = parse(read('action.yml')) as { inputs: object; outputs: object };
  for (const [heading, names] of [
    ['input', Object.keys(action.inputs)],
    ['output', Object.keys(action.outputs)],
  ] as const) {
    const table = guide.split(`| ${heading} | meaning |`)[1]?.split('\n\n')[0] ?? '';
    const told = [...table.matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`([\w-]+)`/g)].map(([, name]) => name),
    );
    t.deepEqual(told.toSorted(), names.toSorted());
  }
});

test('every link leads to a file', (t) => {
  const links = [...guide.matchAll(/\]\(([^)#]+)/g)].map(([, link = '']) => link);
  t.true(links.length >= 8);
  for (const link of links) t.true(existsSync(join(projectRoot, 'docs', 'guides', link)), link);
});

test('the archive of keys that the guide makes is the one that silt-ci-publish reads', async (t) => {
  const [archive = '', image = ''] = blocks('sh');
  const maker = await buildJob(t);
  const made = await maker.run([
    'sh',
    '-ec',
    `mkdir ci; echo key >ci/timestamp.pem\n${archive}cat silt-keys-archive`,
  ]);
  t.is(made.status, 0, made.stderr);
  const job = await recordedJob(t, 'cat "$SILT_KEYS/timestamp.pem" >seen; echo "{}"');
  const variables = [...image.matchAll(/-e (SILT_\w+)=(\S+)/g)].map(([, name, value]) => [name, value]);
  t.is(variables.length, 4);
  const env = { ...Object.fromEntries(variables), SILT_KEYS_ARCHIVE: made.stdout };
  const { status, stderr } = await job.run([join(projectRoot, 'packaging/ci/silt-ci-publish')], env);
  t.is(status, 0, stderr);
  t.is(readFileSync(join(job.directory, 'seen'), 'utf8'), 'key\n');
  t.deepEqual(job.calledWith()?.slice(2, 4), ['--repo', 's3://BUCKET/updates']);
});

test('what it sets for Yocto and mkosi are variables that these read', (t) => {
  const section = guide.split('\n## Yocto\n')[1]?.split('\n## ')[0] ?? '';
  const yocto = [...section.matchAll(/^(SILT_\w+) = /gm)].map(([, name = '']) => name);
  const bbclass = read('packaging/yocto/classes/silt-publish.bbclass');
  t.true(yocto.length >= 6);
  for (const name of yocto) t.regex(bbclass, new RegExp(`^${name} \\?=`, 'm'));
  const rest = [...blocks('ini'), ...blocks('sh').slice(-1)].join('');
  const mkosi = [...rest.matchAll(/\b(SILT_\w+)=/g)].map(([, name = '']) => name);
  const hook = read('packaging/mkosi/mkosi.postoutput');
  t.true(mkosi.length >= 6);
  // Keys are found by silt itself.
  for (const name of mkosi) t.true(hook.includes(name), name);
});
