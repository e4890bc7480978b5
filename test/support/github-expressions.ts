/**
 * The expressions of GitHub Actions, as far as ours use them: names in contexts, `a || b`, `a == 'text'`, and
 * `format('{0}/x', a)`. Anything else is an error.
 *
 * @module
 */

/** Contexts by name: `inputs`, `github`, `runner`, `env`, `steps.<id>.outputs`. */
export type Contexts = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** A text with each `${{ }}` replaced by its value. */
export function fillIn(text: string, contexts: Contexts): string {
  return text.replaceAll(/\$\{\{(.*?)\}\}/gs, (_, expression: string) => evaluate(expression, contexts));
}

/** Whether a step with this `if` is run. */
export function isTrue(condition: string, contexts: Contexts): boolean {
  const [left, right, more] = condition.split('==');
  if (left === undefined || right === undefined || more !== undefined) {
    throw new Error(`expected a comparison, found ${condition}`);
  }
  return evaluate(left, contexts) === evaluate(right, contexts);
}

function evaluate(expression: string, contexts: Contexts): string {
  const ways = expression.split('||').map((way) => value(way.trim(), contexts));
  return ways.find((way) => way !== '') ?? '';
}

function value(term: string, contexts: Contexts): string {
  const literal = /^'([^']*)'$/.exec(term)?.[1];
  if (literal !== undefined) return literal;
  const [, format, argument] = /^format\('([^']*)', ([\w.]+)\)$/.exec(term) ?? [];
  if (format !== undefined && argument !== undefined) {
    return format.replaceAll('{0}', value(argument, contexts));
  }
  const [, context = '', name = ''] = /^([a-z]+(?:\.[\w-]+\.outputs)?)\.([\w-]+)$/.exec(term) ?? [];
  const values = contexts[context];
  if (values === undefined) throw new Error(`expected a name of a context that there is, found ${term}`);
  const found = values[name];
  // An environment has what it has; all else is ours to know.
  if (found === undefined && context !== 'env') throw new Error(`there is no ${term}`);
  return found ?? '';
}
