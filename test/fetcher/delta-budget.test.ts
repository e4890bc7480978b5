import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deltaBase, deltaImage, deltaTest } from '../support/delta-release.ts';
import { holdsImage } from '../support/holds-image.ts';
import { serveRepository } from '../support/release-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const test = deltaTest({ old: deltaBase, new: deltaImage });

test('a budget that only the delta keeps is kept', async (t) => {
  const directory = await temporaryDirectory(t);
  const [seed, output] = [join(directory, 'seed'), join(directory, 'image')];
  await writeFile(seed, deltaBase);
  const { proxy, fetch } = await serveRepository(t, t.context.repository);
  const plan = await fetch({ output, seeds: [seed], dryRun: true });
  for (const budget of [{ maxBytes: plan.bytesFetched }, { maxRequests: plan.requests }]) {
    await rm(output, { force: true });
    await fetch({ output, seeds: [seed], budget });
    await holdsImage(t, output, deltaImage);
  }
  const before = proxy.count();
  const less = { maxBytes: plan.bytesFetched - 1 };
  const error = await throwsSilt(
    t,
    () => fetch({ output: `${output} 2`, seeds: [seed], budget: less }),
    'OVER_BUDGET',
  );
  t.is(error.details.needed, plan.bytesFetched, 'what the plan takes that was nearest');
  t.true(proxy.count().bytes - before.bytes <= less.maxBytes);
});
