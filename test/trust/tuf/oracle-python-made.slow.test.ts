/**
 * Repositories that python-tuf makes anew, read by our client and by its own: the same result, or a refusal by
 * both. What it made once is kept in test/vectors/tuf-1 and read by conformance-static.test.ts.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { findPythonTuf, makeWithPython, NO_PYTHON_TUF, type PythonShape } from '../../support/python-tuf.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { type Opinion, tufOpinions } from '../../support/tuf-opinions.ts';

const python = findPythonTuf(process.env);
const thisYear = new Date().getFullYear();
const MIXED = ['hello.txt', 'product/file.txt', 'product/deep/file.bin', 'hashed-target', 'product/none'];

/** What is found of each shape; `false` where it must be refused. */
const shapes: Readonly<Record<PythonShape, readonly string[] | false>> = {
  plain: ['hello.txt'],
  mixed: MIXED,
  flat: ['hello.txt'],
  expired: false,
  unsigned: false,
};

for (const [shape, found] of Object.entries(shapes)) {
  const title = `python-tuf and silt ${found === false ? 'refuse' : 'read'} a repository of python-tuf: ${shape}`;
  if (python === undefined) {
    if (process.env.CI === undefined) test.skip(`${title}: ${NO_PYTHON_TUF}`, () => {});
    else test(title, (t) => t.fail(NO_PYTHON_TUF));
    continue;
  }
  test(title, async (t) => {
    const directory = await temporaryDirectory(t);
    // "expired" expires in the year before.
    await makeWithPython(python, directory, shape as PythonShape, thisYear + (shape === 'expired' ? 0 : 1));
    const root = await readFile(join(directory, 'root.json'));
    const opinions = await tufOpinions(t, directory, root, ['silt', 'python-tuf']);
    const asked = await opinions.ask(...(found === false ? [] : found));
    const { silt, 'python-tuf': itself } = asked as Record<'silt' | 'python-tuf', Opinion>;
    if (found === false) {
      t.true('refused' in silt);
      t.true('refused' in itself);
      return;
    }
    t.deepEqual(silt, itself);
    if ('refused' in silt) return t.fail(silt.refused);
    for (const path of found) t.is(silt.targets[path] === null, path === 'product/none', path);
  });
}
