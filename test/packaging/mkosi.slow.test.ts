/**
 * A build by mkosi itself, 24 or later, which SILT_MKOSI names: Debian 12 has an older one, and no registry of
 * packages has it at all, so this is skipped where nobody says where it is. Needs root, or user namespaces.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { buildJob, projectRoot } from '../support/build-job.ts';

const mkosi = process.env.SILT_MKOSI;
const mkosiTest = mkosi === undefined ? test.skip : test;

/** Without packages of a distribution: the image is what lies in the skeleton. */
const CONF = `[Distribution]
Distribution=custom
[Output]
ImageId=gateway
ImageVersion=1.4.0
Format=tar
CompressOutput=none
OutputDirectory=mkosi.output
[Content]
Bootable=no
[Build]
Environment=
    SILT_REPO=/work/src/mkosi.repo
    SILT_CHANNEL=canary
    SILT_IMAGES=rootfs=*.tar
    SILT_COMMAND=/work/src/silt
`;

mkosiTest('mkosi runs the hook when the outputs are there, with what the hook needs', async (t) => {
  t.timeout(110_000);
  const job = await buildJob(t);
  const root = join(job.directory, 'mkosi.skeleton');
  mkdirSync(join(root, 'etc'), { recursive: true });
  mkdirSync(join(root, 'usr', 'lib'), { recursive: true });
  mkdirSync(join(job.directory, 'mkosi.output'));
  writeFileSync(join(root, 'usr', 'lib', 'os-release'), 'ID=custom\nVERSION_ID=1\n');
  writeFileSync(join(job.directory, 'mkosi.conf'), CONF);
  copyFileSync(
    join(projectRoot, 'packaging/mkosi/mkosi.postoutput'),
    join(job.directory, 'mkosi.postoutput'),
  );
  // Its sandbox has /usr and the sources, and no place where the silt of this test could lie.
  const note = '#!/bin/sh\nmkdir -p mkosi.repo\nprintf "%s\\n" "$@" >mkosi.repo/arguments\n';
  const net = 'tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " " >mkosi.repo/network\n';
  writeFileSync(join(job.directory, 'silt'), note + net, { mode: 0o755 });
  const { status, stdout, stderr } = await job.run([mkosi ?? '', 'build']);
  t.is(status, 0, stdout + stderr);
  const told = (name: string): string[] =>
    readFileSync(join(job.directory, 'mkosi.repo', name), 'utf8')
      .trimEnd()
      .split('\n');
  t.deepEqual(told('arguments'), [
    ...['publish', '--repo', '/work/src/mkosi.repo', '--product', 'gateway', '--version', '1.4.0'],
    ...['--image', 'rootfs=/work/out/gateway_1.4.0.tar', '--channel', 'canary'],
  ]);
  t.deepEqual(
    told('network'),
    ['lo'],
    'mkosi gives scripts the network now: the hook and its text can be simpler',
  );
});
