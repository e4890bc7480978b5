/**
 * The units of packaging/systemd in a system of their own, for systemd's tool to look at. Tests that need it are
 * skipped by name where it is missing, except with CI=true.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

export const packagedUnits = fileURLToPath(new URL('../../packaging/systemd', import.meta.url));

const SYSTEM_UNITS = '/usr/lib/systemd/system';

const isMissing = findProgram('systemd-analyze', process.env) === undefined || !existsSync(SYSTEM_UNITS);

/** A test that needs systemd-analyze. */
export const systemdTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

export interface Analysis {
  readonly status: number;
  readonly output: string;
}

export function analyzeUnits(...args: string[]): Promise<Analysis> {
  return new Promise((resolve) => {
    execFile('systemd-analyze', [...args, '--no-pager'], (error, stdout, stderr) => {
      const status = error === null ? 0 : Number(error.code);
      resolve({ status, output: stdout + stderr });
    });
  });
}

/** A system with the units of this machine and ours, and a program where ours start one. */
export async function systemWithUnits(
  t: ExecutionContext<unknown>,
): Promise<{ root: string; units: string }> {
  const root = await temporaryDirectory(t);
  const units = join(root, SYSTEM_UNITS);
  mkdirSync(join(root, 'usr', 'bin'), { recursive: true });
  for (const name of ['lib', 'bin']) symlinkSync(join('usr', name), join(root, name));
  cpSync(SYSTEM_UNITS, units, { recursive: true, verbatimSymlinks: true });
  cpSync(packagedUnits, units, { recursive: true });
  for (const program of ['silt', 'kill']) {
    writeFileSync(join(root, 'usr', 'bin', program), '#!/bin/sh\n', { mode: 0o755 });
  }
  return { root, units };
}
