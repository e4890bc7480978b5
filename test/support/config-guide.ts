/**
 * What stands in the guide to the configuration of a device: its examples and its table of members.
 *
 * @module
 */
import { readFileSync } from 'node:fs';

const guide = readFileSync(new URL('../../docs/guides/device-config.md', import.meta.url), 'utf8');

/** Each example by its heading. */
export function guideExamples(): readonly { readonly title: string; readonly text: string }[] {
  return [...guide.matchAll(/^## Example: (.+)\n[^`]*```yaml\n([\s\S]*?)^```/gm)].map(
    ([, title = '', text = '']) => ({
      title,
      text,
    }),
  );
}

/** The rows of the table, without their type. */
export function guideMembers(): readonly {
  readonly name: string;
  readonly required: boolean;
  readonly fallback: string | undefined;
}[] {
  const section = /^## Members$([\s\S]*?)^## /m.exec(guide)?.[1] ?? '';
  return [...section.matchAll(/^\| `([^`]+)` \|.*?\| (?:(required)|`([^`]+)`)? ?\|[^|]*\|$/gm)].map(
    ([, name = '', required, fallback]) => ({ name, required: required !== undefined, fallback }),
  );
}
