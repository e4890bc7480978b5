/**
 * The options for repositories over HTTPS: whom to take for the server, and how to show who asks.
 *
 * @module
 */
import type { Command } from 'commander';
import { SiltError } from '../core/errors.ts';
import type { HttpStoreOptions } from '../store/http-options.ts';
import { publicLocation } from '../store/public-location.ts';
import { collect } from './options.ts';
import { readOptionText } from './read-option-file.ts';

export interface TlsFlags {
  readonly tlsCa?: string;
  readonly tlsPin?: readonly string[];
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** What named each file, for messages. */
export interface TlsNames {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const OPTION_NAMES: TlsNames = { ca: '--tls-ca', cert: '--tls-cert', key: '--tls-key' };

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
 * @param names by default those of the options
 * @throws SiltError USAGE where there is no TLS, or half of a pair is missing; IO_FAILED
 */
export async function tlsOptions(
  flags: TlsFlags,
  location: string,
  names: TlsNames = OPTION_NAMES,
): Promise<HttpStoreOptions['tls']> {
  const { tlsCa, tlsPin, tlsCert, tlsKey } = flags;
  if ((tlsCa ?? tlsPin ?? tlsCert ?? tlsKey) === undefined) return undefined;
  if (!/^https:/i.test(location)) {
    throw new SiltError(
      'USAGE',
      `expected a repository at https:// with the --tls options, found ${publicLocation(location)}`,
    );
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new SiltError('USAGE', 'expected --tls-cert and --tls-key together');
  }
  return {
    ...(tlsCa !== undefined && { ca: await readOptionText(names.ca, tlsCa) }),
    ...(tlsPin !== undefined && { pins: tlsPin }),
    ...(tlsCert !== undefined && { cert: await readOptionText(names.cert, tlsCert) }),
    ...(tlsKey !== undefined && { key: await readOptionText(names.key, tlsKey) }),
  };
}
