/**
 * What is done to the components once their images are there: read back, installed, put in use, let go of, or
 * taken back. Forwards in declared order, backwards in reverse.
 *
 * @module
 */
import { statSync } from 'node:fs';
import { isSiltError, SiltError } from '../../core/errors.ts';
import { ioError } from '../../io/io-error.ts';
import type { Installer, InstallImage, InstallOptions } from '../installers/installer.ts';
import { verifyOnMedium } from '../installers/verify-image.ts';
import { slotPaths } from './choose-slots.ts';
import type { PartToInstall, UpdateRun } from './update-run.ts';

/** Reads every image back from the medium. @throws SiltError INSTALL_FAILED, IO_FAILED */
export async function verifyParts(run: UpdateRun): Promise<void> {
  await forEach(run, run.parts(), async (each, options) => {
    const image = imageOf(run, each);
    await verifyOnMedium(image, options, isBlockDevice(image.path));
    run.verified.add(each.component.name);
  });
}

/** Installs every part beside what is in use. @throws SiltError INSTALL_FAILED, NO_SPACE, IO_FAILED */
export async function installParts(run: UpdateRun): Promise<void> {
  await forEach(run, run.parts(), async (each, options) => {
    const verified = run.verified.has(each.component.name);
    await installerOf(run, each).install(imageOf(run, each), { ...options, verified });
  });
}

/** Puts every part in use. @throws SiltError INSTALL_FAILED, NO_SPACE, IO_FAILED */
export async function commitParts(run: UpdateRun): Promise<void> {
  await forEach(run, run.parts(), (each, options) =>
    installerOf(run, each).commit(imageOf(run, each), options),
  );
}

/** Lets go of what rolling back would need. @throws SiltError INSTALL_FAILED, IO_FAILED */
export async function finishParts(run: UpdateRun): Promise<void> {
  await forEach(run, run.parts(), (each, options) => installerOf(run, each).finish(options));
}

/** A component that could not be rolled back. */
export interface NotRolledBack {
  readonly component: string;
  readonly error: unknown;
}

/** Puts what was there before in use again, the last part first; one that fails does not stop the others. */
export async function rollBackParts(run: UpdateRun): Promise<NotRolledBack[]> {
  const failed: NotRolledBack[] = [];
  for (const each of run.parts().toReversed()) {
    try {
      await installerOf(run, each).rollback({ signal: run.signal });
    } catch (error) {
      if (run.signal?.aborted === true) throw error;
      failed.push({ component: each.component.name, error });
      const message = error instanceof Error ? error.message : String(error);
      run.say({ level: 'error', topic: 'rollBack', message, data: { component: each.component.name } });
    }
  }
  return failed;
}

async function forEach(
  run: UpdateRun,
  parts: readonly PartToInstall[],
  work: (part: PartToInstall, options: InstallOptions) => Promise<void>,
): Promise<void> {
  const { signal, update, options } = run;
  for (const part of parts) {
    signal?.throwIfAborted();
    const component = part.component.name;
    const onProgress = (done: number, total: number): void =>
      options.onProgress?.({ phase: update.phase, component, done, total });
    try {
      await work(part, { signal, onProgress });
    } catch (error) {
      throw signal?.aborted === true ? error : ofComponent(error, component);
    }
  }
}

/** The same error, which says of which component it is. */
function ofComponent(error: unknown, component: string): unknown {
  if (!isSiltError(error) || error.details.component !== undefined) return error;
  const { code, message, details, transient } = error;
  return new SiltError(code, `${component}: ${message}`, {
    details: { ...details, component },
    cause: error,
    transient,
  });
}

function installerOf(run: UpdateRun, { component }: PartToInstall): Installer {
  return component.installer(slotPaths(component, run.update.boot));
}

function imageOf(run: UpdateRun, { part }: PartToInstall): InstallImage {
  const { output, size, sha256 } = part;
  if (output === undefined) throw new SiltError('INTERNAL', `${part.component} has not been fetched`);
  return { version: run.update.release.version, path: output, size, sha256 };
}

function isBlockDevice(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isBlockDevice() === true;
  } catch (error) {
    throw ioError(error, 'look at', path);
  }
}
