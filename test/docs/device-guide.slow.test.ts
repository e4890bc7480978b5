/**
 * The guide to devices, run as it stands: its story on a desk, command by command in one shell. What it shows of
 * their output is what they print, but for times and sizes.
 */
import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { openFloor } from '../../src/trust/floor.ts';
import { guideBlocks, textOf, textsOf, withoutTimes } from '../support/device-guide.ts';
import { resultOf } from '../support/run-cli.ts';
import { seededBytes } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const DESK = 'Try it on a desk';

/** A directory in the place of /tmp/desk, with `silt` in PATH; and a shell that stops at what fails. */
async function shell(t: Parameters<typeof temporaryDirectory>[0]) {
  const directory = await temporaryDirectory(t);
  const [bin, desk] = [join(directory, 'bin'), join(directory, 'desk')];
  for (const path of [bin, desk]) await mkdir(path);
  const program = join(bin, 'silt');
  await writeFile(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  await chmod(program, 0o755);
  const here = (text: string): string =>
    text.replaceAll('/tmp/desk', desk).replaceAll('/usr/bin/silt', program);
  const run = async (script: string) => {
    const child = spawn('sh', ['-eu', '-c', `exec 2>&1\n${here(script)}`], {
      cwd: desk,
      env: {
        ...process.env,
        PATH: [bin, process.env.PATH].join(delimiter),
        XDG_STATE_HOME: join(directory, 'state'),
        NO_COLOR: '1',
        NODE_COMPILE_CACHE: join(directory, 'cache'),
      },
    });
    t.teardown(() => void child.kill('SIGKILL'));
    child.stdin.end();
    const { status, stdout } = await resultOf(child);
    return { status, output: stdout.replaceAll(program, '/usr/bin/silt').replaceAll(desk, '/tmp/desk') };
  };
  return { desk, here, run };
}

test('the story of an update on a desk prints what the guide shows', async (t) => {
  t.timeout(110_000);
  const { desk, here, run } = await shell(t);
  let image: Uint8Array = new Uint8Array(0);
  for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
    image = Buffer.concat([
      image,
      seededBytes(`guide ${version}`, version === '1.0.0' ? 400 * KiB : 20 * KiB),
    ]);
    await writeFile(join(desk, `rootfs-${version}.ext4`), image);
  }
  await writeFile(join(desk, 'desk.yaml'), here(textOf('yaml desk')));
  const blocks = guideBlocks.filter(({ section }) => section === DESK);
  const scripts = blocks.flatMap(({ kind, text }) => (kind === 'sh' ? [text] : []));
  const { status, output } = await run(scripts.map((text) => `${text}\necho @@`).join('\n'));
  t.is(status, 0, output.split('\n').slice(-8).join('\n'));
  const printed = output.split('@@\n');
  t.is(printed.length, scripts.length + 1);
  const shown = blocks.flatMap(({ kind }, index) => {
    if (kind !== 'sh') return [];
    const next = blocks[index + 1];
    return [next?.kind === 'text' ? next.text : undefined];
  });
  t.is(shown.filter((text) => text !== undefined).length, textsOf('text', DESK).length);
  for (const [index, text] of shown.entries()) {
    if (text !== undefined) t.is(withoutTimes(printed[index] ?? ''), text);
  }
});

test('the commands for a new device work as they stand', async (t) => {
  const { desk, run } = await shell(t);
  await mkdir(join(desk, 'rootfs/etc/silt'), { recursive: true });
  const [config = ''] = textsOf('yaml', 'Keys and configuration');
  await writeFile(join(desk, 'rootfs/etc/silt/device.yaml'), config);
  const script = textsOf('sh', 'Keys and configuration')
    .join('\n')
    .replaceAll('/data/silt', join(desk, 'data'));
  const { status, output } = await run(script);
  t.is(status, 0, output);
  t.regex(output, /^rootfs\/etc\/silt\/device\.yaml: good; gateway from the channel stable/);
  t.is(await openFloor(join(desk, 'data/floor')).read('gateway'), 12);
});
