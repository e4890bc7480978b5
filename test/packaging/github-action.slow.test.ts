/**
 * action.yml by the rules of GitHub's documentation of action metadata, its steps as a runner runs them, and the
 * example of a workflow.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import * as v from 'valibot';
import { parse } from 'yaml';
import { KiB } from '../../src/core/sizes.ts';
import { type BuildJob, buildJob, projectRoot, recordedJob } from '../support/build-job.ts';
import { type Contexts, fillIn, isTrue } from '../support/github-expressions.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const text = v.pipe(v.string(), v.minLength(1));
const id = v.pipe(v.string(), v.regex(/^[a-z_][a-z0-9_-]*$/));
const environment = v.record(v.pipe(v.string(), v.regex(/^[A-Z_]+$/)), v.string());

const runStep = v.strictObject({
  name: text,
  id: v.optional(id),
  if: v.optional(text),
  // Required for a step of a composite action.
  shell: v.picklist(['sh', 'bash']),
  env: v.optional(environment),
  run: text,
});

const actionRules = v.strictObject({
  name: text,
  description: v.pipe(text, v.maxLength(125)),
  author: text,
  branding: v.strictObject({ icon: v.literal('package'), color: v.literal('blue') }),
  inputs: v.record(
    id,
    v.strictObject({ description: text, required: v.boolean(), default: v.optional(v.string()) }),
  ),
  outputs: v.record(id, v.strictObject({ description: text, value: text })),
  runs: v.strictObject({ using: v.literal('composite'), steps: v.array(runStep) }),
});

const action = v.parse(actionRules, parse(readFileSync(join(projectRoot, 'action.yml'), 'utf8')));
const { steps } = action.runs;

/** The inputs as a runner makes them: defaults, and what the workflow gives. */
function inputsOf(given: Readonly<Record<string, string>>): Record<string, string> {
  const inputs: Record<string, string> = {};
  for (const [name, { required, default: standard }] of Object.entries(action.inputs)) {
    const value = given[name] ?? standard;
    if (required && value === undefined) throw new Error(`expected the input ${name}`);
    inputs[name] = value ?? '';
  }
  return inputs;
}

interface Outcome {
  readonly status: number | null;
  readonly stderr: string;
  readonly ran: readonly string[];
  readonly outputs: Readonly<Record<string, string>>;
}

/** Runs the steps; `env` is that of the step of the workflow. */
async function runAction(
  job: BuildJob,
  given: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const contexts: Record<string, Record<string, string>> = {
    inputs: inputsOf(given),
    github: { action_path: projectRoot },
    runner: { temp: job.temporary },
    env,
  };
  const ran: string[] = [];
  for (const step of steps) {
    if (step.if !== undefined && !isTrue(step.if, contexts)) continue;
    ran.push(step.name);
    const file = join(job.temporary, 'step.sh');
    const output = join(job.temporary, 'output');
    writeFileSync(file, step.run);
    writeFileSync(output, '');
    const own = Object.entries(step.env ?? {}).map(([name, value]) => [name, fillIn(value, contexts)]);
    const result = await job.run(['sh', '-e', file], {
      ...env,
      ...Object.fromEntries(own),
      GITHUB_OUTPUT: output,
      RUNNER_TEMP: job.temporary,
    });
    if (result.status !== 0) return { ...result, ran, outputs: {} };
    if (step.id !== undefined) contexts[`steps.${step.id}.outputs`] = outputsIn(output);
  }
  const outputs = Object.entries(action.outputs).map(([name, { value }]) => [name, fillIn(value, contexts)]);
  return { status: 0, stderr: '', ran, outputs: Object.fromEntries(outputs) };
}

function outputsIn(file: string): Record<string, string> {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
}

const GIVEN = {
  images: 'rootfs=rootfs.ext4\n',
  product: 'gateway',
  version: '1.4.0',
  repo: 'repo',
  options: '--insecure',
  command: 'silt',
};

test('what a workflow gives gets to the shell by the environment, never as part of a script', (t) => {
  for (const { name, run } of steps) t.notRegex(run, /\$\{\{/, name);
});

test('every input is used, and every one that is used is there', (t) => {
  const used = steps.flatMap(({ env = {}, if: condition = '' }) =>
    [...Object.values(env), condition].flatMap((value) =>
      [...value.matchAll(/inputs\.([\w-]+)/g)].map(([, name]) => name),
    ),
  );
  t.deepEqual([...new Set(used)].toSorted(), Object.keys(action.inputs).toSorted());
});

test('the action publishes, and tells what it sent', async (t) => {
  const job = await buildJob(t);
  writeFileSync(join(job.directory, 'rootfs.ext4'), seededBytes('action', 100 * KiB));
  const first = await runAction(job, GIVEN);
  t.is(first.status, 0, first.stderr);
  t.deepEqual(first.ran, ['Publish', 'Tell']);
  const report = JSON.parse(readFileSync(join(job.directory, 'silt-report.json'), 'utf8'));
  t.true(report.bytesUploaded > 100 * KiB);
  t.deepEqual(first.outputs, {
    report: 'silt-report.json',
    'bytes-uploaded': String(report.bytesUploaded),
    'objects-uploaded': String(report.objectsUploaded),
    unchanged: 'false',
  });
  const again = await runAction(job, { ...GIVEN, report: 'again.json' });
  t.deepEqual(again.outputs, {
    report: 'again.json',
    'bytes-uploaded': '0',
    'objects-uploaded': '0',
    unchanged: 'true',
  });
});

test('a failure of silt is one of the step', async (t) => {
  const job = await buildJob(t);
  const { status, stderr, ran } = await runAction(job, GIVEN);
  t.is(status, 1);
  t.regex(stderr, /rootfs\.ext4/);
  t.deepEqual(ran, ['Publish']);
});

test('inputs win over the environment of the job, which counts where there is none', async (t) => {
  const keysOf = async (given: Record<string, string>) => {
    const job = await recordedJob(t, 'echo "$SILT_KEYS" >keys; echo "{}"');
    t.is((await runAction(job, { ...GIVEN, ...given }, { SILT_KEYS: 'from-job' })).status, 0);
    return readFileSync(join(job.directory, 'keys'), 'utf8').trim();
  };
  t.is(await keysOf({}), 'from-job');
  t.is(await keysOf({ keys: 'from-input' }), 'from-input');
});

/** An action as it lies after `npm ci`, whose silt notes its arguments. */
function installedAction(job: BuildJob): string {
  const path = join(job.directory, 'action with blank');
  mkdirSync(join(path, 'node_modules', '.bin'), { recursive: true });
  mkdirSync(join(path, 'dist', 'cli'), { recursive: true });
  const node = '#!/bin/sh\nprintf "%s\\n" "$@"\n';
  writeFileSync(join(path, 'node_modules', '.bin', 'node'), node, { mode: 0o755 });
  writeFileSync(join(path, 'dist', 'cli', 'main.js'), '');
  return path;
}

async function runInstall(t: ExecutionContext, job: BuildJob, path: string): Promise<void> {
  const [install] = steps;
  t.is(install?.name, 'Install silt');
  const contexts: Contexts = { inputs: inputsOf({ ...GIVEN, command: '' }) };
  t.true(isTrue(install?.if ?? '', contexts));
  const env = { ACTION_PATH: path, RUNNER_TEMP: job.temporary };
  const result = await job.run(['sh', '-e', '-c', install?.run ?? ''], env);
  t.is(result.status, 0, result.stderr);
}

test('without a silt of the job the action brings its own, with its own Node.js', async (t) => {
  const job = await buildJob(t);
  const path = installedAction(job);
  await runInstall(t, job, path);
  const { stdout } = await job.run([join(job.temporary, 'silt'), 'publish', 'a b']);
  t.is(stdout, `${join(path, 'dist', 'cli', 'main.js')}\npublish\na b\n`);
  const publish = steps.find(({ name }) => name === 'Publish');
  const contexts = { inputs: inputsOf({ ...GIVEN, command: '' }), runner: { temp: job.temporary } };
  t.is(fillIn(publish?.env?.SILT_COMMAND ?? '', contexts), join(job.temporary, 'silt'));
});

test('an action that was not built yet is built by npm, and only then', async (t) => {
  const job = await buildJob(t);
  const path = join(job.directory, 'action');
  mkdirSync(path);
  const npm = '#!/bin/sh\necho "$@" >>npm.log\nmkdir -p dist/cli && touch dist/cli/main.js\n';
  writeFileSync(join(job.bin, 'npm'), npm, { mode: 0o755 });
  await runInstall(t, job, path);
  await runInstall(t, job, path);
  t.is(readFileSync(join(path, 'npm.log'), 'utf8'), 'ci --no-audit --no-fund\n');
});

const workflowRules = v.object({
  name: text,
  on: v.strictObject({ push: v.strictObject({ tags: v.array(text) }) }),
  permissions: v.strictObject({ contents: v.literal('read'), 'id-token': v.literal('write') }),
  concurrency: v.strictObject({ group: text, 'cancel-in-progress': v.literal(false) }),
  jobs: v.strictObject({
    publish: v.strictObject({
      'runs-on': text,
      environment: text,
      steps: v.array(
        v.strictObject({
          name: v.optional(text),
          id: v.optional(id),
          uses: v.optional(v.pipe(text, v.regex(/^[\w-]+\/[\w-]+@\w+$/))),
          run: v.optional(text),
          env: v.optional(environment),
          with: v.optional(v.record(id, v.union([v.string(), v.number()]))),
        }),
      ),
    }),
  }),
});

test('the example of a workflow uses the action as it is, with credentials that expire', (t) => {
  const path = join(projectRoot, 'packaging', 'github', 'publish.yml');
  const workflow = v.parse(workflowRules, parse(readFileSync(path, 'utf8')));
  const { steps: used } = workflow.jobs.publish;
  for (const step of used) t.is([step.uses, step.run].filter((way) => way !== undefined).length, 1);
  const silt = used.find(({ uses }) => uses?.includes('/silt@'));
  const names = Object.keys(silt?.with ?? {});
  t.deepEqual(
    names.filter((name) => !(name in action.inputs)),
    [],
  );
  const required = Object.entries(action.inputs).filter(([, input]) => input.required);
  for (const [name] of required) t.true(names.includes(name), name);
  const output = /steps\.silt\.outputs\.([\w-]+)/.exec(JSON.stringify(used))?.[1] ?? '';
  t.true(output in action.outputs);
  const aws = used.find(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials@'));
  t.deepEqual(Object.keys(aws?.with ?? {}), ['role-to-assume', 'aws-region', 'role-duration-seconds']);
});
