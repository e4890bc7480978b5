/**
 * The shell that users run, by shellcheck: our scripts, the steps of the action, the job for GitLab. Skipped by name
 * where shellcheck is missing, except with CI=true.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'yaml';
import { findProgram } from '../../src/compare/find-program.ts';
import { projectRoot } from '../support/build-job.ts';

const isMissing = findProgram('shellcheck', process.env) === undefined;
const shellTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

const read = (path: string): string => readFileSync(join(projectRoot, path), 'utf8');

const PROGRAMS = ['packaging/ci/silt-ci-publish', 'packaging/mkosi/mkosi.postoutput'];

/** By where it is from. */
function scripts(): Map<string, string> {
  const found = new Map(PROGRAMS.map((path) => [path, read(path)]));
  found.set('scripts/provision-ci.sh', read('scripts/provision-ci.sh'));
  const { runs } = parse(read('action.yml')) as { runs: { steps: { name: string; run: string }[] } };
  for (const { name, run } of runs.steps) found.set(`action.yml, ${name}`, `#!/bin/sh -e\n${run}`);
  const { '.silt-publish': job } = parse(read('packaging/gitlab/silt.gitlab-ci.yml')) as {
    '.silt-publish': { script: string[] };
  };
  found.set('silt.gitlab-ci.yml', `#!/bin/sh -e\n${job.script.join('\n')}\n`);
  return found;
}

shellTest('shellcheck finds nothing in what is run by a POSIX shell', (t) => {
  const all = scripts();
  t.is(all.size, 7);
  for (const [name, text] of all) {
    const { status, stdout } = spawnSync('shellcheck', ['--norc', '-'], { input: text, encoding: 'utf8' });
    t.is(status, 0, `${name}: ${stdout}`);
  }
});

test('what is a program is executable, and says which shell runs it', (t) => {
  for (const path of PROGRAMS) {
    t.is(statSync(join(projectRoot, path)).mode & 0o111, 0o111, path);
    t.true(read(path).startsWith('#!/bin/sh\n'), path);
  }
});
