/**
 * Tests that need nginx: skipped by name where it is missing, except with CI=true.
 *
 * @module
 */
import test, { type ExecutionContext } from 'ava';
import { findNginx, launchNginx, type Nginx, type NginxOptions } from './nginx.ts';

export const nginxTest =
  findNginx(process.env) === undefined && process.env.CI !== 'true' ? test.skip : test.serial;

/** Starts nginx; it is gone with the test. */
export async function startNginx(t: ExecutionContext<unknown>, options: NginxOptions): Promise<Nginx> {
  const nginx = await launchNginx(options);
  t.teardown(nginx.close);
  return nginx;
}
