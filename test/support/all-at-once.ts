/**
 * Processes that change one repository over S3, held at their first write of metadata until each of them has got so
 * far: all have then read the same state, and all but one have to find out that it has changed.
 *
 * @module
 */
import type { ExecutionContext } from 'ava';
import { type CliResult, createCli } from './run-cli.ts';
import { type S3Bucket, s3Environment } from './s3-bucket.ts';
import type { FrontRequest } from './s3-front.ts';

export interface AllAtOnce {
  /** Runs the commands, by names of their own; gives how they ended. */
  run(commands: Readonly<Record<string, readonly string[]>>): Promise<Readonly<Record<string, CliResult>>>;
}

/** @throws when a process ends before it writes metadata: then there was no race */
export async function allAtOnce(t: ExecutionContext<unknown>, bucket: S3Bucket): Promise<AllAtOnce> {
  let missing = new Set<string>();
  let open = Promise.withResolvers<void>();
  const arrive = (name: string): void => {
    if (missing.delete(name) && missing.size === 0) open.resolve();
  };
  const front = await bucket.front({
    async refuse({ operation, key, app = '' }: FrontRequest) {
      if (operation !== 'PutObject' || !key.startsWith('metadata/') || !missing.has(app)) return undefined;
      arrive(app);
      await open.promise;
      return undefined;
    },
  });
  return {
    async run(commands) {
      const names = Object.keys(commands);
      missing = new Set(names);
      open = Promise.withResolvers();
      const early: string[] = [];
      const ends = await Promise.all(
        names.map(async (name) => {
          const cli = await createCli(t, { ...s3Environment(front.endpoint), AWS_SDK_UA_APP_ID: name });
          const end = await cli.run(...(commands[name] as string[]));
          if (missing.has(name)) early.push(`${name}: ${end.stderr}`);
          arrive(name);
          return [name, end] as const;
        }),
      );
      if (early.length > 0) throw new Error(`these ended before the race: ${early.join(', ')}`);
      return Object.fromEntries(ends);
    },
  };
}
