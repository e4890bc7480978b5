/**
 * The options for repositories over HTTPS: whom to take for the server, and how to show who asks.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { HttpStoreOptions } from '../store/http-options.ts';
import { collect } from './options.ts';
import { readOptionText } from './read-option-file.ts';

export interface TlsFlags {
  readonly tlsCa?: string;
  readonly tlsPin?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export function withTlsOptions(command: Command): Command {
  return command
    .option('--tls-ca <file>', 'certificates to trust for the server instead of those of the system, PEM')
    .option(
      '--tls-pin <pin>',
      'sha256//BASE64 of a public key in its chain; several times: any of them',
      collect,
    )
    .option('--tls-cert <file>', 'certificate of this device for the server, PEM')
    .option('--tls-key <file>', 'its key, PEM');
}

/**
 * What the options say about the repository at `location`; `undefined` when they say nothing.
 *
 * @throws SiltError USAGE where there is no TLS, or half of a pair is missing; IO_FAILED
 */
export async function tlsOptions(flags: TlsFlags, location: string): Promise<HttpStoreOptions['tls']> {
  const { tlsCa, tlsPin, tlsCert, tlsKey } = flags;
  if ((tlsCa ?? tlsPin ?? tlsCert ?? tlsKey) === undefined) return undefined;
  if (!/^https:/i.test(location)) {
    throw new SiltError(
      'USAGE',
      `expected a repository at https:// with the --tls options, found ${location}`,
    );
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new SiltError('USAGE', 'expected --tls-cert and --tls-key together');
  }
  return {
    ...(tlsCa !== undefined && { ca: await readOptionText('--tls-ca', tlsCa) }),
    ...(tlsPin !== undefined && { pins: tlsPin }),
    ...(tlsCert !== undefined && { cert: await readOptionText('--tls-cert', tlsCert) }),
    ...(tlsKey !== undefined && { key: await readOptionText('--tls-key', tlsKey) }),
  };
}
