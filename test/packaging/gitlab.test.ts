/** The job for GitLab, by the rules of its YAML reference as far as it uses them, and its script as a runner runs it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import * as v from 'valibot';
import { parse } from 'yaml';
import { projectRoot, type RecordedJob, recordedJob } from '../support/build-job.ts';

const text = v.pipe(v.string(), v.minLength(1));
const file = readFileSync(join(projectRoot, 'packaging', 'gitlab', 'silt.gitlab-ci.yml'), 'utf8');

const jobRules = v.strictObject({
  stage: v.picklist(['.pre', 'build', 'test', 'deploy', '.post']),
  image: v.strictObject({ name: text, entrypoint: v.tuple([v.literal('')]) }),
  id_tokens: v.record(
    v.pipe(v.string(), v.regex(/^[A-Z_]+$/)),
    v.strictObject({ aud: v.union([text, v.array(text)]) }),
  ),
  variables: v.record(text, v.string()),
  resource_group: text,
  interruptible: v.boolean(),
  retry: v.strictObject({ max: v.picklist([0, 1, 2]), exit_codes: v.number() }),
  script: v.array(text),
  artifacts: v.strictObject({ paths: v.array(text), expire_in: text }),
  rules: v.array(v.strictObject({ if: text })),
});

const { '.silt-publish': job } = v.parse(v.strictObject({ '.silt-publish': jobRules }), parse(file));

/** Runs the script in one shell that stops at the first failure, as runners do. */
async function runJob(recorded: RecordedJob, env: Readonly<Record<string, string>>) {
  return await recorded.run(['sh', '-e', '-c', job.script.join('\n')], {
    PATH: [recorded.bin, join(projectRoot, 'packaging', 'ci'), process.env.PATH].join(':'),
    ...job.variables,
    SILT_ID_TOKEN: 'header.claims.signature',
    SILT_PRODUCT: 'gateway',
    SILT_VERSION: '1.4.0',
    SILT_REPO: 's3://bucket/updates',
    SILT_IMAGES: 'rootfs=rootfs.ext4',
    ...env,
  });
}

const NOTE =
  'echo "$AWS_WEB_IDENTITY_TOKEN_FILE $(stat -c %a "$AWS_WEB_IDENTITY_TOKEN_FILE") $(cat "$AWS_WEB_IDENTITY_TOKEN_FILE")" >seen';

test('the token of the job is a file that the AWS SDK reads, and is gone afterwards', async (t) => {
  for (const end of ['echo "{}"', 'exit 75']) {
    const recorded = await recordedJob(t, `${NOTE}; echo "\${SILT_ID_TOKEN-unset}" >>seen; ${end}`);
    const { status, stderr } = await runJob(recorded, { AWS_ROLE_ARN: 'arn:aws:iam::1:role/silt' });
    t.is(status, end === 'exit 75' ? 75 : 0, stderr);
    const [seen = '', token] = readFileSync(join(recorded.directory, 'seen'), 'utf8').split('\n');
    t.regex(seen, /^\/\S+ 600 header\.claims\.signature$/);
    t.is(token, 'unset');
    t.deepEqual(readdirSync(recorded.temporary), []);
  }
});

test('without a role the credentials of the environment count', async (t) => {
  const recorded = await recordedJob(t, `echo "\${AWS_WEB_IDENTITY_TOKEN_FILE-unset}" >seen; echo "{}"`);
  t.is((await runJob(recorded, {})).status, 0);
  t.is(readFileSync(join(recorded.directory, 'seen'), 'utf8'), 'unset\n');
  t.deepEqual(recorded.calledWith()?.slice(0, 4), ['publish', '--json', '--repo', 's3://bucket/updates']);
  t.true(readdirSync(recorded.directory).includes('silt-report.json'));
});

test('what the file tells to set is what the job reads', (t) => {
  const example = [...file.matchAll(/^# {7}(\w+): /gm)].map(([, name]) => name);
  const script = readFileSync(join(projectRoot, 'packaging', 'ci', 'silt-ci-publish'), 'utf8');
  t.true(example.length >= 5);
  // AWS_REGION is the SDK's own.
  const read = `${script}${job.script.join('\n')}AWS_REGION`;
  for (const name of example) t.true(read.includes(`${name}`), name);
  t.regex(file, /SILT_CI_IMAGE/);
  t.is(job.image.name, '$SILT_CI_IMAGE');
});
