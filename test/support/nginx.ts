/**
 * A real nginx with silt's own configuration of a caching proxy (packaging/nginx/silt-cdn.conf): its
 * ports, its directory of the cache and its origin are the only words that are replaced.
 * `scripts/provision-cdn.sh` installs it; `nginx-test.ts` is for tests.
 *
 * @module
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findProgram } from '../../src/compare/find-program.ts';
import { freePort, isListening } from './loopback-port.ts';

const config = fileURLToPath(new URL('../../packaging/nginx/silt-cdn.conf', import.meta.url));

/** The program; `undefined` when there is none. */
export function findNginx(env: NodeJS.ProcessEnv): string | undefined {
  return findProgram('nginx', { PATH: `${env.PATH}:/usr/sbin:/sbin` });
}

export interface NginxOptions {
  /** Where the repository is served: URL of a server, whose path is the beginning of every request's. */
  readonly origin: string;
  /** Listens with TLS and HTTP/2, with these in PEM. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** More for the configuration: pairs of a text that must be in it once, and what takes its place. */
  readonly replace?: readonly (readonly [found: string, by: string])[];
}

export interface Nginx {
  /** Where it listens, with a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** What it keeps of objects. */
  cacheFiles(): Promise<string[]>;
  /** Its log of errors so far. */
  errors(): string;
  close(): Promise<void>;
}

/** Starts nginx, for whoever closes it. */
export async function launchNginx(options: NginxOptions): Promise<Nginx> {
  const program = findNginx(process.env);
  if (program === undefined) throw new Error('there is no nginx; sh scripts/provision-cdn.sh installs it');
  const root = await mkdtemp(join(tmpdir(), 'silt-nginx-'));
  const cache = join(root, 'cache');
  const { origin } = options;
  // Another may be faster to take the free port.
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const server = replaced(readFileSync(config, 'utf8'), [
      ['server 127.0.0.1:7070;', `server ${new URL(origin).host};`],
      ['/var/cache/nginx/silt', cache],
      ['listen 80;', await listening(root, port, options.tls)],
      ['listen [::]:80;', ''],
      ...(options.replace ?? []),
    ]);
    const file = join(root, 'nginx.conf');
    await writeFile(file, wholeConfig(root, server));
    execFileSync(program, ['-t', '-q', '-p', root, '-c', file, '-e', join(root, 'error.log')]);
    const child = spawn(program, ['-p', root, '-c', file, '-e', join(root, 'error.log')], {
      stdio: 'ignore',
    });
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    if (await isListening(child, port)) {
      return {
        url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}/`,
        port,
        async cacheFiles() {
          const entries = await readdir(cache, { recursive: true, withFileTypes: true });
          return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
        },
        errors: () => readFileSync(join(root, 'error.log'), 'utf8'),
        async close() {
          const ended = once(child, 'exit');
          child.kill('SIGTERM');
          await ended;
          await rm(root, { recursive: true, force: true });
        },
      };
    }
    if (attempt === 3) throw new Error(`nginx does not start: ${readFileSync(join(root, 'error.log'))}`);
  }
}

async function listening(root: string, port: number, tls: NginxOptions['tls']): Promise<string> {
  if (tls === undefined) return `listen 127.0.0.1:${port};`;
  const certificate = join(root, 'server.pem');
  const key = join(root, 'server.key');
  await writeFile(certificate, tls.certificate);
  await writeFile(key, tls.key, { mode: 0o600 });
  return `listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${certificate};
    ssl_certificate_key ${key};`;
}

/** What stands around a file of sites-enabled, in one process that stays in the foreground. */
function wholeConfig(root: string, server: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const temporary = kinds.map((kind) => `${kind}_temp_path ${join(root, kind)};`);
  return `daemon off;
master_process off;
worker_processes 1;
pid ${join(root, 'nginx.pid')};
events { worker_connections 2048; }
http {
access_log off;
${temporary.join('\n')}
${server}
}
`;
}

/** `text` with each pair's first, which must be there once, replaced by its second. */
function replaced(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((sofar, [found, by]) => {
    const parts = sofar.split(found);
    if (parts.length !== 2) throw new Error(`expected "${found}" once in ${config}`);
    return parts.join(by);
  }, text);
}
