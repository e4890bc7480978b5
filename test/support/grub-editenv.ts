/**
 * Debian's grub-editenv as a second opinion. Tests that need it are skipped by name where it is missing, except
 * with CI=true.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import test from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';

const isMissing = findProgram('grub-editenv', process.env) === undefined;

/** A test that needs grub-editenv. */
export const grubEditenvTest = isMissing && process.env.CI !== 'true' ? test.skip : test;

/** Runs `grub-editenv PATH ARGS...` and gives what it prints, one character a byte. */
export async function grubEditenv(path: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)('grub-editenv', [path, ...args], { encoding: 'latin1' });
  return stdout;
}
