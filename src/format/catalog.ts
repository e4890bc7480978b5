/**
 * The catalog: which releases a repository holds, the one object of an unsigned repository that changes.
 * Canonical JSON, docs/format/repository.md. Signed metadata will take its place.
 *
 * @module
 */
import * as v from 'valibot';
import { SiltError } from '../core/errors.ts';
import { canonicalJson } from './canonical-json.ts';
import { parseDocument } from './document.ts';
import { MAX_CATALOG, MAX_MANIFEST } from './limits.ts';
import { NAME_PATTERN } from './manifest.ts';

export const CATALOG_FORMAT = 'silt-catalog';
export const CATALOG_VERSION = 1;
export const CATALOG_KEY = 'metadata/timestamp.json';

const name = v.pipe(v.string(), v.regex(NAME_PATTERN));

const releaseSchema = v.object({
  version: name,
  counter: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(MAX_MANIFEST)),
});

/**
 * An object whose members are called by names. Unlike `v.record` it keeps members called `constructor` and
 * `prototype`: both are names like any other.
 */
const byName = <T>(value: v.GenericSchema<unknown, T>) =>
  v.pipe(
    v.custom<Record<string, unknown>>(
      (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
      'expected an object',
    ),
    v.transform((object) => Object.entries(object)),
    v.array(v.tuple([name, value])),
    v.transform((entries): Record<string, T> => Object.fromEntries(entries)),
  );

const catalogSchema = v.object({
  format: v.literal(CATALOG_FORMAT),
  formatVersion: v.literal(CATALOG_VERSION),
  products: byName(v.object({ channels: byName(name), releases: v.array(releaseSchema) })),
});

export type Catalog = v.InferOutput<typeof catalogSchema>;
export type CatalogRelease = v.InferOutput<typeof releaseSchema>;
export type CatalogProduct = Catalog['products'][string];

/** A repository without releases. */
export const emptyCatalog: Catalog = { format: CATALOG_FORMAT, formatVersion: CATALOG_VERSION, products: {} };

/** @throws SiltError FORMAT_INVALID for a catalog larger than any reader takes */
export function encodeCatalog(catalog: Catalog): Uint8Array {
  const bytes = Buffer.from(canonicalJson(catalog));
  if (bytes.length > MAX_CATALOG) {
    throw new SiltError(
      'FORMAT_INVALID',
      `catalog: ${MAX_CATALOG} bytes hold no more releases; publish to another repository`,
      { details: { expected: MAX_CATALOG, found: bytes.length } },
    );
  }
  return bytes;
}

/** @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED */
export function decodeCatalog(bytes: Uint8Array): Catalog {
  return parseDocument(bytes, catalogSchema, {
    what: 'catalog',
    format: CATALOG_FORMAT,
    versions: [CATALOG_VERSION],
    limit: MAX_CATALOG,
  });
}

/** Where the manifest of a release lies: TUF's name for a consistent target (TUF 1.0, §6.2). */
export function manifestKey(product: string, release: Pick<CatalogRelease, 'sha256' | 'version'>): string {
  return `targets/${product}/${release.sha256}.${release.version}.json`;
}
