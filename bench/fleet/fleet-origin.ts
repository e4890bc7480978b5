/**
 * The origin of a simulated fleet: a signed repository in a bucket of a real S3 server, or, where there is none, in
 * a directory behind silt's static server. Published by the command line.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3';
import { runSilt } from '../../scripts/run-silt.ts';
import { startStaticServer } from '../../src/server/static-server.ts';
import { setAwsEnvironment } from '../../test/support/aws-environment.ts';
import { findVersitygw, startS3Server } from '../../test/support/s3-server.ts';
import type { FleetImages } from './fleet-images.ts';

export const PRODUCT = 'fleet';
const BUCKET = 'updates';
const PREFIX = 'fleet';

/** Quick to decode: one machine plays all devices, and it is their traffic that is measured. */
const BASES = ['--bases', '2', '--delta-entropy', 'general'];

export interface FleetOrigin {
  /** For the heading. */
  readonly about: string;
  /** Of the server, with a slash at the end. */
  readonly url: string;
  /** Of the repository below that. */
  readonly path: string;
  /** The root of trust: a file. */
  readonly root: string;
  /** SHA-256 of the last image. */
  readonly expected: string;
  close(): Promise<void>;
}

/** Publishes the images as releases 1, 2, ..., the last with deltas from the two before it, in channel `stable`. */
export async function startOrigin(
  directory: string,
  { paths }: FleetImages,
  compression: string,
): Promise<FleetOrigin> {
  const program = findVersitygw(process.env);
  const place = program === undefined ? await directoryPlace(directory) : await s3Place(program);
  const keys = join(directory, 'keys');
  await runSilt(['keys', 'init', keys, '--repo', place.repository, '--product', PRODUCT]);
  for (const [at, path] of paths.entries()) {
    await runSilt([
      ...['publish', '--image', `disk=${path}`, '--repo', place.repository, '--keys', keys],
      ...['--product', PRODUCT, '--version', `${at + 1}`, '--compression', compression],
      ...(at === paths.length - 1 ? [...BASES, '--channel', 'stable'] : []),
    ]);
  }
  const { about, path } = place;
  const url = await place.serve();
  const expected = await digestOf(paths.at(-1) as string);
  return { about, path, url, root: join(keys, 'root.json'), expected, close: place.close };
}

interface Place {
  readonly about: string;
  readonly repository: string;
  readonly path: string;
  serve(): Promise<string>;
  close(): Promise<void>;
}

async function s3Place(program: string): Promise<Place> {
  setAwsEnvironment();
  const server = await startS3Server(program);
  process.env.AWS_ENDPOINT_URL_S3 = server.endpoint;
  process.env.SILT_S3_PATH_STYLE = '1';
  await server.makeBucket(BUCKET);
  await allowReading(server.endpoint);
  return {
    about: 'a real S3 server (versitygw)',
    repository: `s3://${BUCKET}/${PREFIX}`,
    path: `${BUCKET}/${PREFIX}/`,
    serve: async () => `${server.endpoint}/`,
    close: () => server.close(),
  };
}

/** Anybody may read objects, as docs/guides/cdn.md has it. */
async function allowReading(endpoint: string): Promise<void> {
  const client = new S3Client({ endpoint, forcePathStyle: true });
  const Statement = [
    { Effect: 'Allow', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${BUCKET}/*` },
  ];
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
  await client.send(new PutBucketPolicyCommand({ Bucket: BUCKET, Policy }));
  client.destroy();
}

async function directoryPlace(directory: string): Promise<Place> {
  const repository = join(directory, 'repository');
  const server: { close?: () => Promise<void> } = {};
  return {
    about: "silt's static server, as there is no S3 server here",
    repository,
    path: '',
    async serve() {
      const { url, close } = await startStaticServer(repository, { graceMs: 0 });
      server.close = close;
      return url;
    },
    close: async () => await server.close?.(),
  };
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
