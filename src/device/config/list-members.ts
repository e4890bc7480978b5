/**
 * Every member that a configuration can have, as data: what the guide is held to.
 *
 * @module
 */
import { deviceConfig } from './device-config.ts';
import type { Kind, Member } from './kind.ts';

export interface ListedMember {
  /** `components[].installer(file).path`: `[]` for each of a list, and in brackets the type that has the member. */
  readonly name: string;
  readonly required: boolean;
  /** As it would be written; `undefined` where there is none. */
  readonly fallback: string | undefined;
}

export function listMembers(): readonly ListedMember[] {
  return below(deviceConfig, '');
}

function below(kind: Kind<unknown>, above: string): ListedMember[] {
  const { members = {}, variants = {}, item } = kind.below ?? {};
  return [
    ...Object.entries(members).flatMap(([name, member]) =>
      listed(member, above === '' ? name : `${above}.${name}`),
    ),
    ...Object.entries(variants).flatMap(([type, variant]) => below(variant, `${above}(${type})`)),
    ...(item === undefined ? [] : below(item, `${above}[]`)),
  ];
}

function listed({ kind, need }: Member<unknown>, name: string): ListedMember[] {
  const written = need.is === 'default' ? need.value : undefined;
  const fallback =
    typeof written === 'string' || written === undefined ? written : `[${written.map(inFlow).join(', ')}]`;
  return [{ name, required: need.is === 'required', fallback }, ...below(kind, name)];
}

/** A brace begins a mapping, unless it stands in quotes. */
function inFlow(text: string): string {
  return text.includes('{') ? `"${text}"` : text;
}
