/**
 * The id of a device: as the configuration has it, or the first line of a file that every device has.
 *
 * @module
 */
import { SiltError } from '../core/errors.ts';
import { KiB } from '../core/sizes.ts';
import type { DeviceConfig } from '../device/config/device-config.ts';
import { readKernelFile } from '../io/read-kernel-file.ts';

const MAX_ID_FILE = 4 * KiB;
/** As the configuration demands it of `device.id`. */
const ID = /^[A-Za-z0-9][\w.:+~-]{0,127}$/;

/** @throws SiltError CONFIG_INVALID for a file that is missing, too large or begins with no id; IO_FAILED */
export async function deviceId({ id, idFile }: DeviceConfig['device']): Promise<string> {
  if (id !== undefined) return id;
  const path = idFile ?? '/etc/machine-id';
  // A device tree ends its texts with a NUL.
  const [line = ''] = ((await readKernelFile(path, MAX_ID_FILE))?.toString('utf8') ?? '').split(/[\n\0]/, 1);
  const found = line.trim();
  if (ID.test(found)) return found;
  throw new SiltError(
    'CONFIG_INVALID',
    `expected the id of this device in the first line of ${path}, of letters, digits and . _ : + ~ -, at most 128; ` +
      `found ${found === '' ? 'nothing' : 'something else'}; write it there, or give device.id`,
    { details: { path } },
  );
}
