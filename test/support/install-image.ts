/**
 * What the fetcher leaves for an installer: the bytes at the place that was prepared.
 *
 * @module
 */
import { writeFile } from 'node:fs/promises';
import { sha256Hex } from '../../src/core/digest.ts';
import type { Installer, InstallImage } from '../../src/device/installers/installer.ts';

/** Prepares, and writes `bytes` as the fetcher would. */
export async function fetched(
  installer: Installer,
  version: string,
  bytes: Uint8Array,
): Promise<InstallImage> {
  const { output } = await installer.prepare(version);
  await writeFile(output, bytes);
  return { version, path: output, size: bytes.length, sha256: sha256Hex(bytes) };
}

/** A whole update, up to and with the commit. */
export async function committed(
  installer: Installer,
  version: string,
  bytes: Uint8Array,
): Promise<InstallImage> {
  const image = await fetched(installer, version, bytes);
  await installer.install(image);
  await installer.commit(image);
  return image;
}

/**
 * Orders of steps that power cuts make of an update, up to and with its commit. A step that stands twice was cut
 * after its work and before anybody noted it.
 */
export const cutOrders: readonly (readonly ('fetch' | 'install' | 'commit')[])[] = [
  ['fetch', 'install', 'commit'],
  ['fetch', 'fetch', 'install', 'commit'],
  ['fetch', 'install', 'install', 'commit'],
  ['fetch', 'install', 'fetch', 'install', 'commit'],
  ['fetch', 'install', 'commit', 'commit'],
  ['fetch', 'install', 'commit', 'install', 'commit'],
  ['fetch', 'install', 'commit', 'fetch', 'install', 'commit'],
];

/** Goes through an order of {@link cutOrders}. */
export async function inOrder(
  installer: Installer,
  order: readonly ('fetch' | 'install' | 'commit')[],
  version: string,
  bytes: Uint8Array,
): Promise<void> {
  let image: InstallImage | undefined;
  for (const step of order) {
    if (step === 'fetch') image = await fetched(installer, version, bytes);
    else if (step === 'install') await installer.install(image!);
    else await installer.commit(image!);
  }
}
