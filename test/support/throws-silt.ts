/**
 * Expecting a failure by its code.
 *
 * @module
 */
import type { ExecutionContext } from 'ava';
import { type ErrorCode, isSiltError, SiltError } from '../../src/core/errors.ts';

/** Holds `action` to failing with a {@link SiltError} of `code`, and gives that error. */
export async function throwsSilt(
  t: ExecutionContext<unknown>,
  action: () => Promise<unknown>,
  code: ErrorCode,
): Promise<SiltError> {
  let error: unknown;
  try {
    await action();
  } catch (thrown) {
    error = thrown;
  }
  if (isSiltError(error, code)) {
    t.pass();
    return error;
  }
  t.fail(`expected the error ${code}, found ${error instanceof Error ? error.stack : String(error)}`);
  throw error instanceof Error ? error : new SiltError('INTERNAL', 'nothing was thrown');
}
