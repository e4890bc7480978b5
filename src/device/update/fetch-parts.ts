/**
 * The network's share of an update: every image, to where its installer wants it. What is there already, from
 * the slot that runs or from a run that was cut short, is not fetched again.
 *
 * @module
 */
import { SiltError } from '../../core/errors.ts';
import { fetchImage } from '../../fetcher/fetch.ts';
import { checkBudget } from '../../fetcher/with-budget.ts';
import type { MetadataReader, Releases, TrustedRelease } from '../../trust/releases.ts';
import { askTogether } from './ask-sources.ts';
import { slotPaths } from './choose-slots.ts';
import { progressTeller } from './progress-teller.ts';
import type { PartToInstall, UpdateRun } from './update-run.ts';

/**
 * Fetches all parts; the target is marked bad before its first byte is written.
 *
 * @throws SiltError as `fetchImage`; BOOT_FAILED, INSTALL_FAILED
 */
export async function fetchParts(run: UpdateRun, release: TrustedRelease): Promise<void> {
  await closeTarget(run);
  const { seconds } = run.device.config.budgets;
  const limit = seconds === undefined ? undefined : timeBudget(seconds);
  const signals = [run.signal, limit?.signal].filter((signal) => signal !== undefined);
  const signal = signals.length === 0 ? undefined : AbortSignal.any(signals);
  const progress = progressTeller(run);
  try {
    for (const each of run.parts()) {
      await fetchPart(run, each, release, signal, progress.of(each));
    }
    await progress.end();
  } finally {
    limit?.[Symbol.dispose]();
  }
}

/** From now on until it is activated the boot loader leaves the target alone, and starts what runs. */
async function closeTarget(run: UpdateRun): Promise<void> {
  const { bootLoader } = run.device;
  const { boot } = run.update;
  if (bootLoader === undefined || boot === undefined) return;
  const { slot } = await run.device.booted();
  if (slot === boot.target) {
    throw new SiltError(
      'BOOT_FAILED',
      `expected another slot than ${boot.target} to run while it is written, found it running; the update is begun anew for the other one`,
      { details: { found: slot } },
    );
  }
  if (run.state.previous?.slot === boot.target) await run.write({ previous: undefined });
  const isOpen = async (): Promise<boolean> =>
    (await bootLoader.read()).order.some(({ name, bootable }) => name === boot.target && bootable);
  if (await isOpen()) await bootLoader.markBad(boot.target);
  const { primary } = await bootLoader.read();
  if (primary !== undefined && primary !== boot.target && !(await isOpen())) return;
  throw new SiltError(
    'BOOT_FAILED',
    `expected the boot loader to start ${boot.from ?? 'another slot'} while ${boot.target} is written, found ${primary ?? 'none'}; mark the slot that runs as good first: silt mark-good`,
    { details: { expected: boot.from, found: primary } },
  );
}

async function fetchPart(
  run: UpdateRun,
  { part, component }: PartToInstall,
  release: TrustedRelease,
  signal: AbortSignal | undefined,
  onProgress: (bytesDone: number) => void,
): Promise<void> {
  const { version } = run.update.release;
  const { output, inPlace, seeds } = await component
    .installer(slotPaths(component, run.update.boot))
    .prepare(version, { signal });
  if (part.output !== output) {
    const parts = run.update.parts.map((each) => (each === part ? { ...part, output } : each));
    await run.change({ parts });
  }
  const { config } = run.device;
  await askTogether(run, async (source, store) => {
    // Envelopes of keys are read through the store that counts.
    let counted: MetadataReader = store;
    const report = await fetchImage(
      store,
      (within) => {
        counted = within;
        return alone(release);
      },
      {
        product: config.product,
        selector: { version },
        image: part.image,
        contentKey: source.contentKey(() => counted),
        output,
        inPlace,
        seeds,
        budget: budgetLeft(run),
        stateDirectory: config.stateDirectory,
        signal,
        onProgress: ({ phase, bytesDone }) => onProgress(phase === 'rebuild' ? bytesDone : 0),
      },
    );
    const { bytesFetched, requests, bytesFromSeeds, imageSize, upToDate } = report;
    run.say({
      level: 'info',
      topic: 'fetch',
      message: `${component.name}: ${upToDate ? 'was there already' : `fetched ${bytesFetched} bytes in ${requests} requests`}`,
      data: { component: component.name, bytesFetched, requests, bytesFromSeeds, imageSize },
    });
  });
}

/** What was found out about the release a moment ago needs no asking again. */
function alone(release: TrustedRelease): Releases {
  return { open: async () => release, find: async () => release.manifest };
}

function budgetLeft(run: UpdateRun): { maxBytes: number | undefined; maxRequests: number | undefined } {
  const { budgets } = run.device.config;
  checkBudget(budgets, run.usage.requests, run.usage.bytes, 'for this update');
  return {
    maxBytes: budgets.maxBytes === undefined ? undefined : budgets.maxBytes - run.usage.bytes,
    maxRequests: budgets.maxRequests === undefined ? undefined : budgets.maxRequests - run.usage.requests,
  };
}

/** A signal that ends the fetching after `seconds`. */
function timeBudget(seconds: number): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    const message = `fetching took longer than the budget of ${seconds} s; what was fetched is kept, and the next try goes on from there`;
    controller.abort(new SiltError('OVER_BUDGET', message, { details: { allowed: seconds } }));
  }, seconds * 1000);
  return { signal: controller.signal, [Symbol.dispose]: () => clearTimeout(timer) };
}
