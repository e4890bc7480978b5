/**
 * An HSM in software, with one key that never leaves it. Tests that need one are skipped by name where SoftHSM,
 * its tools or openssl's engine for it are missing, except with CI=true; scripts/provision-trust.sh installs
 * them.
 *
 * @module
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { findProgram } from '../../src/compare/find-program.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const LABEL = 'silt';
const PIN = '1234';

const modules = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
];
const module = modules.find((path) => existsSync(path)) ?? '';

function isMissing(): boolean {
  const programs = ['openssl', 'softhsm2-util', 'pkcs11-tool'];
  if (module === '' || programs.some((name) => findProgram(name, process.env) === undefined)) return true;
  return spawnSync('openssl', ['engine', 'pkcs11']).status !== 0;
}

/** A test that needs it. */
export const softHsmTest = isMissing() && process.env.CI !== 'true' ? test.skip : test;

export interface SoftHsm {
  /** SubjectPublicKeyInfo of its P-256 key, PEM. */
  readonly publicKey: string;
  /** Signs stdin with that key: ECDSA with SHA-256, in DER. */
  readonly command: readonly string[];
}

/** One with a new key. */
export async function softHsm(t: ExecutionContext<unknown>): Promise<SoftHsm> {
  const directory = await temporaryDirectory(t);
  const [config, tokens] = [join(directory, 'softhsm2.conf'), join(directory, 'tokens')];
  await mkdir(tokens);
  await writeFile(
    config,
    `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  );
  const env = { ...process.env, SOFTHSM2_CONF: config };
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { env, stdio: 'pipe' });
  const token = ['--module', module, '--token-label', LABEL, '--login', '--pin', PIN];
  const [id, name] = ['01', 'release'];
  run('softhsm2-util', '--init-token', '--free', '--label', LABEL, '--pin', PIN, '--so-pin', '4321');
  run('pkcs11-tool', ...token, '--keypairgen', '--key-type', 'EC:prime256v1', '--label', name, '--id', id);
  const der = join(directory, 'public.der');
  run('pkcs11-tool', ...token, '--read-object', '--type', 'pubkey', '--id', id, '--output-file', der);
  const pem = join(directory, 'public.pem');
  run('openssl', 'pkey', '-pubin', '-inform', 'DER', '-in', der, '-out', pem);
  const uri = `pkcs11:token=${LABEL};object=${name};type=private;pin-value=${PIN}`;
  return {
    publicKey: await readFile(pem, 'utf8'),
    command: [
      'env',
      `SOFTHSM2_CONF=${config}`,
      `PKCS11_MODULE_PATH=${module}`,
      ...['openssl', 'dgst', '-engine', 'pkcs11', '-keyform', 'engine', '-sha256', '-sign', uri],
    ],
  };
}
