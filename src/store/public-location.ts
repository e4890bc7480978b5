/**
 * A location as it may be shown: URLs carry passwords and signatures, which belong into no message and no report.
 *
 * @module
 */

/** `location` without user, password, query and fragment, where it is a URL of the web; others as they are. */
export function publicLocation(location: string): string {
  if (!/^https?:/i.test(location)) return location;
  if (!URL.canParse(location)) {
    // The last @ before the path: passwords may have one.
    return location.replace(/[?#].*$/s, '').replace(/^(https?:\/*)[^/]*@/i, '$1');
  }
  const { origin, pathname } = new URL(location);
  return `${origin}${pathname}`;
}
