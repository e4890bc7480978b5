/**
 * The roles of a product: `product-<P>` has its newest releases, `archive-<P>` the rest; a manifest is the
 * target `<P>/<version>.json`. docs/format/trust.md.
 *
 * @module
 */

const PRODUCT = 'product-';
const ARCHIVE = 'archive-';

export function productRole(product: string): string {
  return `${PRODUCT}${product}`;
}

export function archiveRole(product: string): string {
  return `${ARCHIVE}${product}`;
}

/** The product whose role (or archive) this is; `undefined` for any other role. */
export function productOfRole(role: string): string | undefined {
  const prefix = [PRODUCT, ARCHIVE].find((known) => role.startsWith(known));
  return prefix && role.slice(prefix.length);
}

export function isArchive(role: string): boolean {
  return role.startsWith(ARCHIVE);
}

/** The target that a manifest is. */
export function manifestPath(product: string, version: string): string {
  return `${product}/${version}.json`;
}

/** What the roles of a product may sign. */
export function productPaths(product: string): readonly string[] {
  return [`${product}/*.json`];
}
