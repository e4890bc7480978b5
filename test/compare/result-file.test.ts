import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { readResult, writeResult } from '../../src/compare/result-file.ts';
import { sampleHeader, sampleLedger } from '../support/sample-ledger.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('a result is read as it was written', async (t) => {
  const path = join(await temporaryDirectory(t), 'result.json');
  const result = sampleLedger(sampleHeader([], [{ name: 'a' }])).ledger.result();
  await writeResult(path, result);
  // What is undefined has no place in JSON.
  t.deepEqual(await readResult(path), JSON.parse(JSON.stringify(result)));
});

test('no file is no result yet', async (t) => {
  t.is(await readResult(join(await temporaryDirectory(t), 'result.json')), undefined);
});

for (const text of ['', '[]', 'null', '{}', '{"format":"silt-bench-0"}', '{"format":"silt-bench-1"}']) {
  test(`a file that holds ${text || 'nothing'} is refused`, async (t) => {
    const path = join(await temporaryDirectory(t), 'result.json');
    await writeFile(path, text);
    const error = await throwsSilt(t, () => readResult(path), 'FORMAT_INVALID');
    t.true(error.message.startsWith(path));
  });
}
