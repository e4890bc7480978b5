/**
 * The instructions of the Dockerfile, run one by one in directories that stand for the two stages: no registry of
 * images is needed, and the base image is this machine with the Node.js of this test.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { projectRoot } from '../support/build-job.ts';
import { type Instruction, parseCopy, parseDockerfile } from '../support/dockerfile.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const { stages } = parseDockerfile(readFileSync(join(projectRoot, 'Dockerfile'), 'utf8'));

/** COPY, from the project or from a stage that lies at `from`. */
function copy(instruction: Instruction, root: string, directory: string, from = projectRoot): void {
  const { sources, target, from: stage } = parseCopy(instruction);
  const to = join(target.startsWith('/') ? root : directory, target);
  for (const source of sources) {
    const path = join(from, source);
    // A file goes into a folder; of a folder go the contents.
    const isInto = target.endsWith('/') || target === './';
    cpSync(path, isInto ? join(to, basename(source)) : to, { recursive: true, verbatimSymlinks: true });
  }
  if (stage !== undefined && stage !== 'build') throw new Error(`there is no stage ${stage}`);
}

test('the steps of the Dockerfile make a silt that publishes, without the packages of developers', async (t) => {
  t.timeout(900_000);
  const place = await temporaryDirectory(t);
  const [buildRoot, root] = [join(place, 'build'), join(place, 'image')];
  const [build, image] = stages;
  const directory = join(buildRoot, 'opt/silt');
  mkdirSync(directory, { recursive: true });
  const env = { ...process.env, PATH: [dirname(process.execPath), process.env.PATH].join(delimiter) };
  for (const instruction of build?.instructions ?? []) {
    if (instruction.name === 'WORKDIR') t.is(instruction.text, '/opt/silt');
    else if (instruction.name === 'COPY') copy(instruction, buildRoot, directory);
    else {
      t.is(instruction.name, 'RUN');
      const ran = spawnSync('sh', ['-c', instruction.text], { cwd: directory, env, encoding: 'utf8' });
      t.is(ran.status, 0, `${instruction.text}: ${ran.stderr}`);
    }
  }
  for (const instruction of image?.instructions ?? []) {
    if (instruction.name !== 'COPY') continue;
    copy(instruction, root, root, parseCopy(instruction).from === undefined ? projectRoot : buildRoot);
  }
  const silt = join(root, 'opt/silt');
  t.deepEqual(readdirSync(silt).toSorted(), ['LICENSE', 'dist', 'node_modules', 'package.json']);
  t.true(existsSync(join(root, 'usr/local/bin/silt-ci-publish')));
  const { dependencies } = JSON.parse(readFileSync(join(silt, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) t.true(existsSync(join(silt, 'node_modules', name)), name);
  for (const name of ['typescript', '@typescript', 'ava', 'assemblyscript', 'node', '@types/node']) {
    t.false(existsSync(join(silt, 'node_modules', name)), name);
  }
  writeFileSync(join(place, 'app.tar'), seededBytes('docker', 100 * KiB));
  const args = ['publish', 'app.tar', '--repo', 'repo', '--product', 'app', '--version', '1', '--insecure'];
  const main = join(silt, 'dist/cli/main.js');
  const published = spawnSync(main, args, { cwd: place, env, encoding: 'utf8' });
  t.is(published.status, 0, published.stderr);
  t.regex(published.stdout, /^published app 1 \(release 1\)/);
});
