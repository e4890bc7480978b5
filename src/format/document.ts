/**
 * The JSON documents of silt: what they have in common, and how they are read and checked. Every one names
 * its `format` and `formatVersion` first of all; docs/format/README.md.
 *
 * @module
 */
import * as v from 'valibot';
import { SiltError } from '../core/errors.ts';

/** What a JSON document of silt is, for {@link parseDocument}. */
export interface DocumentKind {
  readonly what: string;
  readonly format: string;
  /** Those that this silt reads, the newest last. */
  readonly versions: readonly number[];
  readonly limit: number;
}

/**
 * Parses a JSON document of silt: size cap, UTF-8, JSON, `format` and `formatVersion`, then the schema.
 *
 * @throws SiltError FORMAT_INVALID with the path of the first wrong member, FORMAT_UNSUPPORTED
 */
export function parseDocument<S extends v.GenericSchema>(
  bytes: Uint8Array,
  schema: S,
  kind: DocumentKind,
): v.InferOutput<S> {
  const { what } = kind;
  if (bytes.length > kind.limit) {
    throw new SiltError(
      'FORMAT_INVALID',
      `${what}: expected at most ${kind.limit} bytes, found ${bytes.length}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new SiltError('FORMAT_INVALID', `${what}: expected JSON in UTF-8, found something else`, { cause });
  }
  const head = v.safeParse(v.object({ format: v.literal(kind.format), formatVersion: v.number() }), value);
  if (!head.success) {
    throw new SiltError('FORMAT_INVALID', `${what}: expected a document of format "${kind.format}"`);
  }
  const found = head.output.formatVersion;
  if (!kind.versions.includes(found)) {
    const newest = kind.versions.at(-1);
    throw new SiltError(
      'FORMAT_UNSUPPORTED',
      `${what}: this silt reads format version ${newest}, found version ${found}; update silt`,
      { details: { what, expected: newest, found } },
    );
  }
  return checkDocument(value, schema, what);
}

/**
 * `value` as `schema` describes it.
 *
 * @throws SiltError FORMAT_INVALID with the path of the first wrong member
 */
export function checkDocument<S extends v.GenericSchema>(
  value: unknown,
  schema: S,
  what: string,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const issue = parsed.issues[0];
  throw new SiltError('FORMAT_INVALID', `${what}: ${v.getDotPath(issue) ?? 'document'}: ${issue.message}`);
}
