/**
 * BitBake itself with the class, in a layer with a recipe that makes an image at once. SILT_BITBAKE names a checkout
 * of BitBake; no registry of packages has it, so this is skipped where nobody says where it is. BitBake wants the
 * locale en_US.UTF-8.
 */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { type BuildJob, buildJob, projectRoot } from '../support/build-job.ts';

const bitbake = process.env.SILT_BITBAKE;
const bitbakeTest = bitbake === undefined ? test.skip : test;

const FILES: Readonly<Record<string, string>> = {
  'conf/bblayers.conf': `BBPATH = "\${TOPDIR}"\nBBFILES ?= ""\nBBLAYERS = "\${TOPDIR}/layer"\n`,
  'layer/conf/layer.conf': `BBPATH .= ":\${LAYERDIR}"
BBFILES += "\${LAYERDIR}/recipes/*.bb"
BBFILE_COLLECTIONS += "core"
BBFILE_PATTERN_core := "^\${LAYERDIR}/"
LAYERSERIES_CORENAMES = "test"
LAYERSERIES_COMPAT_core = "test"
`,
  'layer/recipes/image_1.0.bb': `inherit silt-publish
IMAGE_LINK_NAME = "image-gw"
do_image_complete() {
    mkdir -p \${DEPLOY_DIR_IMAGE}
    seq 1 20000 >\${DEPLOY_DIR_IMAGE}/\${IMAGE_LINK_NAME}.ext4
}
do_image_complete[vardepsexclude] = "DEPLOY_DIR_IMAGE"
addtask image_complete before do_build
`,
};

/** Builds the image, in an environment with a secret. */
async function build(job: BuildJob, settings: string) {
  const conf = join(job.directory, 'conf');
  const standard = readFileSync(join(bitbake ?? '', 'conf', 'bitbake.conf'), 'utf8');
  writeFileSync(join(conf, 'bitbake.conf'), standard + settings);
  return await job.run([join(bitbake ?? '', 'bin', 'bitbake'), 'image'], {
    BBPATH: job.directory,
    AWS_SESSION_TOKEN: 'token-of-the-job',
    LC_ALL: 'en_US.UTF-8',
  });
}

bitbakeTest('BitBake publishes an image once, and again when the version is another', async (t) => {
  t.timeout(300_000);
  const job = await buildJob(t);
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(join(job.directory, dirname(name)), { recursive: true });
    writeFileSync(join(job.directory, name), text);
  }
  const classes = [join(job.directory, 'classes'), join(job.directory, 'layer', 'classes')] as const;
  for (const path of classes) mkdirSync(path);
  copyFileSync(join(bitbake ?? '', 'classes', 'base.bbclass'), join(classes[0], 'base.bbclass'));
  const name = 'silt-publish.bbclass';
  copyFileSync(join(projectRoot, 'packaging', 'yocto', 'classes', name), join(classes[1], name));
  const seen = join(job.directory, 'seen');
  const silt = readFileSync(join(job.bin, 'silt'), 'utf8');
  writeFileSync(join(job.bin, 'silt'), silt.replace('exec', `echo "$AWS_SESSION_TOKEN" >>'${seen}'\nexec`));
  const settings = (version: string) => `
BB_SIGNATURE_HANDLER = "basichash"
MACHINE = "gw"
DISTRO_VERSION = "${version}"
SILT_PUBLISH = "1"
SILT_REPO = "\${TOPDIR}/repo"
SILT_OPTIONS = "--insecure"
SILT_COMMAND = "${join(job.bin, 'silt')}"
`;
  const runs = (): number => readFileSync(seen, 'utf8').split('token-of-the-job\n').length - 1;
  const first = await build(job, settings('1.4.0'));
  t.is(first.status, 0, first.stdout + first.stderr);
  t.is(runs(), 1);
  t.true(existsSync(join(job.directory, 'repo', 'packs')));
  t.is((await build(job, settings('1.4.0'))).status, 0);
  t.is(runs(), 1);
  const second = await build(job, settings('1.5.0'));
  t.is(second.status, 0, second.stdout + second.stderr);
  t.is(runs(), 2);
});
