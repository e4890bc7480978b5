/**
 * What `silt mark-good` and `silt rollback` share: a decision of the operator, under the lock of the device.
 *
 * @module
 */
import type { Device } from '../device/update/device.ts';
import type { RunOptions, UpdateResult } from '../device/update/update-result.ts';
import { type ConfigFlags, configOf } from './config-option.ts';
import { finishUpdate, logTo, progressTo } from './describe-update.ts';
import { openDevice, withDeviceLock } from './open-device.ts';
import type { OutputOptions } from './output.ts';
import { runCommand } from './run-command.ts';

const INTERRUPTED = 'interrupted; what was decided is kept. Run the same command again to go on';

/** Runs `decide` on the device that the options name. */
export async function runAsOperator(
  options: ConfigFlags & OutputOptions,
  decide: (device: Device, options: RunOptions) => Promise<UpdateResult>,
): Promise<void> {
  await runCommand(options, INTERRUPTED, async ({ output, signal }) => {
    const { env } = process;
    const config = await configOf(options, env);
    const device = await openDevice(config, { env, log: logTo(output) });
    const result = await withDeviceLock(config, signal, () =>
      decide(device, { signal, now: true, onProgress: progressTo(output) }),
    );
    return finishUpdate(result, output, { product: config.product });
  });
}
