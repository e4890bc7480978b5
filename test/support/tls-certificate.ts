/**
 * A self-signed certificate for 127.0.0.1, made by openssl for one test run: no key lies in the repository.
 *
 * @module
 */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface TlsCertificate {
  readonly cert: string;
  readonly key: string;
}

/** The certificate, PEM, valid for `days`; `undefined` where there is no openssl. Uses files in `directory`. */
export async function makeCertificate(directory: string, days = 1): Promise<TlsCertificate | undefined> {
  const [keyPath, certPath] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyPath];
  const subject = ['-subj', '/CN=silt test', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const args = ['req', '-x509', ...key, ...subject, '-days', String(days), '-out', certPath];
  try {
    await promisify(execFile)('openssl', args);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return { cert: await readFile(certPath, 'utf8'), key: await readFile(keyPath, 'utf8') };
}
