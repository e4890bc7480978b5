/**
 * Target files (TUF 1.0, §5.7): no more bytes than announced, and exactly those.
 *
 * @module
 */
import type { TargetFile } from '@tufjs/models';
import { SiltError } from '../../core/errors.ts';
import type { MetadataReader } from '../releases.ts';
import { downloadDescribed } from './download-metadata.ts';
import { targetKey } from './role-files.ts';

/** Where `target` lies in a repository; with consistent snapshots its name begins with its hash (§5.7.3). */
export function keyOfTarget({ path, hashes }: TargetFile, consistent: boolean): string {
  return targetKey(
    path,
    consistent ? (hashes.sha256 ?? hashes.sha512 ?? Object.values(hashes)[0]) : undefined,
  );
}

/**
 * The bytes of `target`.
 *
 * @throws SiltError OBJECT_MISSING (transient), TRUST_TOO_LARGE, TRUST_MALFORMED, MANIFEST_ALTERED
 */
export async function readTarget(
  source: { readonly store: MetadataReader; readonly signal: AbortSignal | undefined },
  target: TargetFile,
  options: { readonly maxBytes: number; readonly consistent: boolean },
): Promise<Uint8Array> {
  const { path, length } = target;
  if (length > options.maxBytes) {
    const message = `${path}: expected at most ${options.maxBytes} bytes, found ${length} announced`;
    throw new SiltError('TRUST_TOO_LARGE', message, { details: { path, expected: options.maxBytes } });
  }
  const key = keyOfTarget(target, options.consistent);
  return await downloadDescribed(source, key, target, {
    maxBytes: options.maxBytes,
    refuse: (problem) =>
      new SiltError(
        'MANIFEST_ALTERED',
        `${source.store.location}: ${key} was altered or truncated: ${problem}`,
        {
          details: { key },
        },
      ),
  });
}
