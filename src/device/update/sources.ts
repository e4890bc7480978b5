/**
 * The repositories of the configuration, for one run of an update: each is opened when it is first needed and stays
 * open, and all of them together are one store. The one that answered last is asked first from then on.
 *
 * Of metadata, each is asked alone: what one repository says fits together, and one that is behind, or a stranger,
 * is left for the next as a whole. Objects have names that say what is in them, so that any repository will do; see
 * `store/mirrors.ts`.
 *
 * @module
 */
import { isSiltError, SiltError } from '../../core/errors.ts';
import { openMirrors } from '../../store/mirrors.ts';
import { publicLocation } from '../../store/public-location.ts';
import type { ReadStore } from '../../store/store.ts';
import type { OpenSource, ReleaseSource } from './device.ts';

export interface SourcesOptions {
  readonly locations: readonly string[];
  readonly open: OpenSource;
  /** Hears of every failure after which another repository is asked for the same object. */
  readonly onFailure: (location: string, error: SiltError) => void;
}

export class Sources {
  readonly #open: OpenSource;
  readonly #onFailure: SourcesOptions['onFailure'];
  readonly #opened = new Map<string, ReleaseSource>();
  readonly #opening = new Map<string, Promise<ReleaseSource>>();
  #locations: readonly string[];
  #together: ReadStore | undefined;

  constructor({ locations, open, onFailure }: SourcesOptions) {
    this.#locations = locations;
    this.#open = open;
    this.#onFailure = onFailure;
  }

  /** In the order in which they are to be asked. */
  get locations(): readonly string[] {
    return this.#locations;
  }

  /** The repository at `location`. @throws what {@link OpenSource} throws; the next call tries again */
  async open(location: string): Promise<ReleaseSource> {
    const known = this.#opened.get(location);
    if (known !== undefined) return known;
    const opening = this.#opening.get(location) ?? this.#open(location);
    this.#opening.set(location, opening);
    try {
      const source = await opening;
      this.#opened.set(location, source);
      return source;
    } finally {
      this.#opening.delete(location);
    }
  }

  /** From now on `location` is asked first. */
  putFirst(location: string): void {
    this.#locations = [location, ...this.#locations.filter((each) => each !== location)];
  }

  /**
   * The first repository, and the store that has the objects of all. How each is doing is remembered from one call
   * to the next.
   *
   * @throws what {@link OpenSource} throws for the first one
   */
  async together(): Promise<{ readonly source: ReleaseSource; readonly store: ReadStore }> {
    const [first = ''] = this.#locations;
    const source = await this.open(first);
    if (this.#locations.length === 1) return { source, store: source.store };
    this.#together ??= openMirrors(
      this.#locations.map((location) => this.#place(location)),
      { onFailure: this.#onFailure },
    );
    return { source, store: this.#together };
  }

  async close(): Promise<void> {
    const sources = [...this.#opened.values()];
    this.#opened.clear();
    this.#together = undefined;
    await Promise.all(sources.map((source) => source.close()));
  }

  /** A store that is opened when it is first asked; then what keeps it from being opened is a failure of it. */
  #place(location: string): ReadStore {
    const store = async (): Promise<ReadStore> => {
      try {
        return (await this.open(location)).store;
      } catch (error) {
        // A mistake in what is configured for this one, its headers say, does not end an update that others can serve.
        if (!isSiltError(error, 'USAGE') && !isSiltError(error, 'CONFIG_INVALID')) throw error;
        throw new SiltError('STORE_REFUSED', error.message, { cause: error, details: error.details });
      }
    };
    return {
      location: publicLocation(location),
      get: async (key, options) => await (await store()).get(key, options),
      has: async (key, options) => await (await store()).has(key, options),
      async *getRange(key, range, options) {
        yield* (await store()).getRange(key, range, options);
      },
      // Closed with the repository that it is a part of.
      close: async () => {},
    };
  }
}
