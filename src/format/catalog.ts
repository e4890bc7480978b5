/**
 * The catalog: which releases a repository holds, the one object of an unsigned repository that changes.
 * Canonical JSON, docs/format/repository.md. Signed metadata will take its place.
 *
 * @module
 */
import * as v from 'valibot';
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

const catalogSchema = v.object({
  format: v.literal(CATALOG_FORMAT),
  formatVersion: v.literal(CATALOG_VERSION),
  products: v.record(name, v.object({ channels: v.record(name, name), releases: v.array(releaseSchema) })),
});

export type Catalog = v.InferOutput<typeof catalogSchema>;
export type CatalogRelease = v.InferOutput<typeof releaseSchema>;
export type CatalogProduct = Catalog['products'][string];

/** A repository without releases. */
export const emptyCatalog: Catalog = { format: CATALOG_FORMAT, formatVersion: CATALOG_VERSION, products: {} };

export function encodeCatalog(catalog: Catalog): Uint8Array {
  return Buffer.from(canonicalJson(catalog));
}

/** @throws SiltError FORMAT_INVALID, FORMAT_UNSUPPORTED */
export function decodeCatalog(bytes: Uint8Array): Catalog {
  return parseDocument(bytes, catalogSchema, {
    what: 'catalog',
    format: CATALOG_FORMAT,
    version: CATALOG_VERSION,
    limit: MAX_CATALOG,
  });
}

/** Where the manifest of a release lies: TUF's name for a consistent target (TUF 1.0, §6.2). */
export function manifestKey(product: string, release: Pick<CatalogRelease, 'sha256' | 'version'>): string {
  return `targets/${product}/${release.sha256}.${release.version}.json`;
}
