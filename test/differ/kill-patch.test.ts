/**
 * A patch that is killed anywhere is finished by later runs, and loses nothing that was written.
 */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { KiB } from '../../src/core/sizes.ts';
import { type ApplyOptions, type ApplyReport, applyDelta } from '../../src/differ/apply-delta.ts';
import { handMadeDelta } from '../support/hand-made-delta.ts';
import { holdsImage } from '../support/holds-image.ts';
import { seededBytes, seededRandom } from '../support/seeded-bytes.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const program = fileURLToPath(new URL('../support/patch-child.ts', import.meta.url));

const WINDOW = 64 * KiB;
const old = seededBytes('kill old', 40 * WINDOW);
const image = Buffer.concat([
  old.subarray(777, 777 + 15 * WINDOW),
  Buffer.alloc(3 * WINDOW),
  old.subarray(5 * WINDOW),
]);

/** Runs a patch that dies when so many bytes are done. @returns its report if it came to its end */
function run(options: ApplyOptions, killAt: number): Promise<ApplyReport | undefined> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, JSON.stringify(options), `${killAt}`], (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as ApplyReport);
      else if (error.signal === 'SIGKILL') resolve(undefined);
      else reject(new Error(stderr));
    });
  });
}

test('a patch killed again and again gets there, and every run begins where the last one ended', async (t) => {
  const directory = await temporaryDirectory(t);
  const basePath = join(directory, 'old');
  const patchPath = join(directory, 'delta');
  const outputPath = join(directory, 'new');
  await writeFile(basePath, old);
  await writeFile(patchPath, handMadeDelta(old, image, WINDOW));
  const random = seededRandom(7);
  const options = { basePath, patchPath, outputPath };
  let killAt = 0;
  let report: ApplyReport | undefined;
  const rounds = 20;
  for (let round = 0; round < rounds && report === undefined; round++) {
    killAt += Math.ceil(random() * 20 * WINDOW);
    report = await run(options, killAt);
  }
  if (report === undefined) return t.fail(`not done after ${rounds} rounds`);
  await holdsImage(t, outputPath, image);
  t.true(report.windows.kept > 10);
  t.is((await applyDelta(options)).sha256, report.sha256);
});
