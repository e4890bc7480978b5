/**
 * A {@link TufRepository} with releases as silt lays them out: a role a product, manifests as its targets.
 *
 * @module
 */
import { sha256Hex } from '../../src/core/digest.ts';
import { encodeManifest, type Manifest, newManifest } from '../../src/format/manifest.ts';
import {
  rfc3339,
  type Signed,
  type TargetEntry,
  TufRepository,
  type TufRepositoryOptions,
} from './tuf-repository.ts';

export interface ReleaseOptions {
  readonly counter?: number;
  readonly channels?: readonly string[];
  readonly allowDowngradeFrom?: readonly number[];
  /** Lists the release in `archive-<product>`. */
  readonly archived?: boolean;
  /** What is stored and listed instead of the manifest made here. */
  readonly manifest?: Uint8Array;
}

/** The manifest of a release with one small image. */
export function sampleManifest(
  product: string,
  version: string,
  counter: number,
  exceptions?: number[],
): Manifest {
  const sha256 = sha256Hex(Buffer.from(`${product} ${version}`));
  const index = { sha256, size: 100, head: { sha256, size: 60 } };
  const members = {
    product,
    version,
    created: '2026-01-02T03:04:05.678Z',
    images: [{ name: 'a', size: 10, sha256, index }],
    ...(exceptions && { allowDowngradeFrom: exceptions }),
  };
  return newManifest(members, counter);
}

export class TufReleaseRepository extends TufRepository {
  /** With the products delegated and published. */
  constructor(products: readonly string[] = ['os'], options: TufRepositoryOptions = {}) {
    super(options);
    for (const product of products) {
      const paths = [`${product}/*.json`];
      this.delegate('targets', `product-${product}`, { paths, terminating: true });
      this.publish(`product-${product}`);
    }
    this.publish('targets', 'snapshot', 'timestamp');
  }

  /** Lists a release and stores its manifest; {@link publishProduct} makes it visible. */
  addRelease(product: string, version: string, options: ReleaseOptions = {}): TargetEntry {
    const role = options.archived === true ? this.#archive(product) : `product-${product}`;
    const { targets } = this.targetsOf(role);
    const { counter = Object.keys(targets).length + 1, channels, allowDowngradeFrom } = options;
    const bytes = options.manifest ?? encodeManifest(sampleManifest(product, version, counter));
    const path = `${product}/${version}.json`;
    this.addTarget(role, path, bytes);
    const entry = targets[path] as TargetEntry;
    entry.custom = {
      silt: { counter, ...(channels && { channels }), ...(allowDowngradeFrom && { allowDowngradeFrom }) },
    };
    return entry;
  }

  publishProduct(product: string): void {
    const archive = `archive-${product}`;
    if (this.signed.has(archive)) this.publish(archive);
    this.publish(`product-${product}`, 'snapshot', 'timestamp');
  }

  /** Says when the role is signed, as silt does; and lets it live for `days` from then. */
  date(role: string, created: Date, days: number): void {
    const signed = this.signed.get(role) as Signed;
    signed.silt = { ...(signed.silt as object | undefined), created: rfc3339(created) };
    signed.expires = rfc3339(new Date(created.getTime() + days * 86_400_000));
  }

  #archive(product: string): string {
    const archive = `archive-${product}`;
    const paths = [`${product}/*.json`];
    if (!this.signed.has(archive)) this.delegate(`product-${product}`, archive, { paths, terminating: true });
    return archive;
  }
}
