/**
 * Tests that share one published repository: it is made before the first of a file and removed after the last.
 *
 * @module
 */
import anyTest, { type TestFn } from 'ava';
import { publishReleases, sharedDirectory } from './release-repository.ts';

export interface SharedRepository {
  /** Path of the repository. Read it only, or copy it first. */
  readonly repository: string;
  readonly remove: () => Promise<void>;
}

/** The `test` of a file whose tests find a repository with these releases, by version, in their context. */
export function repositoryTest(images: Parameters<typeof publishReleases>[1]): TestFn<SharedRepository> {
  const test = anyTest as TestFn<SharedRepository>;
  test.before(async (t) => {
    const { path, remove } = await sharedDirectory();
    t.context = { repository: await publishReleases(path, images), remove };
  });
  test.after.always((t) => t.context.remove());
  return test;
}
