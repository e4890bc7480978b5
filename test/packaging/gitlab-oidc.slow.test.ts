/**
 * The job for GitLab with the real silt, a real S3 server, and a security token service of the test that gives
 * credentials for the token of the job.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { parse } from 'yaml';
import { KiB } from '../../src/core/sizes.ts';
import { TEST_CREDENTIALS } from '../support/aws-environment.ts';
import { buildJob, projectRoot } from '../support/build-job.ts';
import { findVersitygw, startS3Server } from '../support/s3-server.ts';
import { seededBytes } from '../support/seeded-bytes.ts';

const program = findVersitygw(process.env);

const ROLE = 'arn:aws:iam::123456789012:role/silt';
const TOKEN = 'header.claims.signature';

/**
 * Answers AssumeRoleWithWebIdentity; `asked` has what it was asked with. It gives no session token, which the S3
 * server of the test would refuse.
 */
async function startTokenService(t: ExecutionContext) {
  const asked: URLSearchParams[] = [];
  const { accessKeyId, secretAccessKey } = TEST_CREDENTIALS;
  const server = createServer(async (request, response) => {
    asked.push(new URLSearchParams(await text(request)));
    const expiration = new Date(Date.now() + 3_600_000).toISOString();
    response.setHeader('Content-Type', 'text/xml');
    response.end(
      `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
        <AssumeRoleWithWebIdentityResult><Credentials>
          <AccessKeyId>${accessKeyId}</AccessKeyId><SecretAccessKey>${secretAccessKey}</SecretAccessKey>
          <Expiration>${expiration}</Expiration>
        </Credentials></AssumeRoleWithWebIdentityResult>
      </AssumeRoleWithWebIdentityResponse>`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => void server.close());
  return { asked, endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a job publishes to S3 with nothing but the token that GitLab gives it', async (t) => {
  if (program === undefined) {
    t.falsy(process.env.CI, 'no versitygw: run scripts/provision-versitygw.sh');
    t.log('skipped: versitygw is not installed');
    t.pass();
    return;
  }
  const s3 = await startS3Server(program);
  t.teardown(() => s3.close());
  await s3.makeBucket('updates');
  const sts = await startTokenService(t);
  const job = await buildJob(t);
  writeFileSync(join(job.directory, 'rootfs.ext4'), seededBytes('gitlab', 100 * KiB));
  const file = readFileSync(join(projectRoot, 'packaging', 'gitlab', 'silt.gitlab-ci.yml'), 'utf8');
  const { script, variables } = parse(file)['.silt-publish'] as {
    script: string[];
    variables: Record<string, string>;
  };
  const { status, stderr } = await job.run(['sh', '-e', '-c', script.join('\n')], {
    PATH: [job.bin, join(projectRoot, 'packaging', 'ci'), process.env.PATH].join(':'),
    ...variables,
    SILT_ID_TOKEN: TOKEN,
    AWS_ROLE_ARN: ROLE,
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_STS: sts.endpoint,
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_EC2_METADATA_DISABLED: 'true',
    SILT_S3_PATH_STYLE: '1',
    SILT_REPO: 's3://updates/gateway',
    SILT_PRODUCT: 'gateway',
    SILT_VERSION: '1.4.0',
    SILT_IMAGES: 'rootfs=rootfs.ext4',
    SILT_OPTIONS: '--insecure',
  });
  t.is(status, 0, stderr);
  const report = JSON.parse(readFileSync(join(job.directory, 'silt-report.json'), 'utf8'));
  t.true(report.bytesUploaded >= 100 * KiB);
  t.is(sts.asked.length, 1);
  const [asked] = sts.asked;
  t.is(asked?.get('Action'), 'AssumeRoleWithWebIdentity');
  t.is(asked?.get('RoleArn'), ROLE);
  t.is(asked?.get('WebIdentityToken'), TOKEN);
});
