import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FetchReport } from '../../src/fetcher/fetch-report.ts';
import { addsUp } from '../support/adds-up.ts';
import { deltaBase, deltaImage, deltaTest, type PublishedDelta } from '../support/delta-release.ts';
import type { Fault } from '../support/faults.ts';
import { holdsImage } from '../support/holds-image.ts';
import { serveRepository } from '../support/release-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

/** A delta that comes with faults, for a while and for ever; for ever means chunks, unless the line is down. */

const test = deltaTest({ old: deltaBase, new: deltaImage });

const status = (code: number): Fault => ({ kind: 'status', status: code, headers: {}, body: 'no' });

const faults: readonly (readonly [name: string, fault: Fault, passes: boolean])[] = [
  ['200 to a range', { kind: 'ignore-range' }, true],
  ['the wrong range', { kind: 'shift-range', by: 3 }, true],
  ['other bytes', { kind: 'wrong-bytes' }, true],
  ['a flipped bit', { kind: 'flip-bit', at: 100 }, true],
  ['404', status(404), false],
  ['403', status(403), false],
];

for (const [name, fault, passes] of faults) {
  test(`${name}: the delta is used when that passes, and chunks when it does not`, async (t) => {
    const directory = await temporaryDirectory(t);
    const seed = join(directory, 'seed');
    await writeFile(seed, deltaBase);
    const { proxy, fetch } = await serveRepository(t, t.context.repository);
    const { entry } = t.context.deltas[0] as PublishedDelta;
    const fetched = async (name: string): Promise<FetchReport> => {
      const output = join(directory, name);
      const report = await fetch({ output, seeds: [seed] });
      await holdsImage(t, output, deltaImage);
      t.true(addsUp(report));
      return report;
    };
    if (passes) {
      proxy.script([{ match: /deltas/, from: 1, times: 1, fault }]);
      t.is((await fetched('passing')).deltaProblem, undefined);
    }
    // From the head on, and from the payloads on.
    for (const from of [1, 2]) {
      proxy.script([{ match: /deltas/, from, fault }]);
      const report = await fetched(`from ${from}`);
      t.regex(report.deltaProblem ?? '', new RegExp(entry.sha256));
      // A flipped bit may lie in the second payload.
      t.true(report.windows.delta <= 1);
      t.true(report.dataBytes > 0);
      t.is(report.windows.repaired, 0);
    }
  });
}

test('a line that is down is an error, and the next run goes on from there', async (t) => {
  const directory = await temporaryDirectory(t);
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(seed, deltaBase);
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  for (const from of [1, 2]) {
    proxy.script([{ match: /deltas/, from, fault: { kind: 'reset', after: 0 } }]);
    await throwsSilt(t, () => fetch({ output, seeds: [seed] }), 'NETWORK');
    t.is(proxy.count(/packs/).requests, 0);
  }
  proxy.script([]);
  const report = await fetch({ output, seeds: [seed] });
  await holdsImage(t, output, deltaImage);
  t.is(report.deltaProblem, undefined);
});
