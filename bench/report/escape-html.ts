/**
 * Text and data inside HTML, so that neither can end where it must not.
 *
 * @module
 */

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For element content and quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

/** JSON for a script element of type `application/json`: no `<` is left that could begin an end tag. */
export function scriptJson(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/**
 * JavaScript for a script element. In code `</script` and `<!--` stand in strings and regular expressions only,
 * where a backslash before the character changes nothing.
 */
export function scriptCode(code: string): string {
  return code.replaceAll(/<(\/script|!--)/gi, '<\\$1');
}
