import test from 'ava';
import fc from 'fast-check';
import { isSiltError } from '../../../src/core/errors.ts';
import { createFindings, formatFinding } from '../../../src/device/config/findings.ts';
import { checkConfig, parseConfig } from '../../../src/device/config/parse-config.ts';
import { parseYaml } from '../../../src/device/config/yaml-tree.ts';
import { guideExamples } from '../../support/config-guide.ts';
import { sampleConfig } from '../../support/sample-config.ts';

function mistakes(text: string): string[] {
  const findings = createFindings();
  parseYaml(text, findings);
  return findings.list().map((finding) => formatFinding('f', finding));
}

const refused: Readonly<Record<string, readonly [text: string, mistake: RegExp]>> = {
  'an alias': ['a: &x 1\nb: *x\n', /^f:1:7: expected no anchors .*\nf:2:4: expected no anchors/],
  'a tag': ['a: 1\nb: !!str 1\n', /^f:2:10: expected no tags/],
  'a tag of its own': ['a: !run [rm]\n', /^f:1:9: expected no tags/],
  'a directive': ['%YAML 1.1\n---\na: 1\n', /^f:1:1: expected no YAML directives/],
  'a second document': ['a: 1\n---\nb: 1\n', /^f:2:1: expected one YAML document/],
  'a list as the name of a member': ['? [a]\n: 1\n', /^f:1:3: expected YAML: /],
  'a quote that is not closed': ['a: "b\n', /^f:1:\d+: expected YAML: Missing closing/],
  'two values in one line': ['a: b: c\n', /^f:1:\d+: expected YAML: /],
  'a tab for indentation': ['a:\n\tb: 1\n', /^f:2:1: expected YAML: /],
  'too many levels': [`${'['.repeat(100_000)}\n`, /^f:1:33: expected at most 32 levels/],
  'too many levels of blocks': ['- '.repeat(100_000), /^f:1:65: expected at most 32 levels/],
  'too many bytes': ['#'.repeat(300_000), /^f:1:1: expected at most 262144 bytes, found 300000/],
};

for (const [what, [text, mistake]] of Object.entries(refused)) {
  test(`what is not read: ${what}`, (t) => {
    t.regex(mistakes(text).join('\n'), mistake);
  });
}

test('merge keys are no more than names', (t) => {
  const findings = createFindings();
  const tree = parseYaml('<<: { a: 1 }\n', findings);
  t.deepEqual(findings.list(), []);
  t.deepEqual(tree?.type === 'mapping' ? [...tree.entries.keys()] : [], ['<<']);
});

test('a thousand aliases of aliases cost nothing', (t) => {
  const bomb = Array.from({ length: 30 }, (_, i) => `a${i}: &a${i} [${`*a${i - 1},`.repeat(9)}]`).join('\n');
  t.is(mistakes(bomb).length, 100);
});

/** Words of the file and of YAML in any order: deeper than plain noise goes. */
const yamlish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\n',
        '  ',
        ': ',
        '- ',
        '{',
        '}',
        '[',
        ']',
        ',',
        '"',
        "'",
        '|',
        '>',
        '&a',
        '*a',
        '!t',
        '? ',
        '#',
      ),
      fc.constantFrom(
        'device',
        'id',
        'trust',
        'components',
        'installer',
        'type',
        'slots',
        'hooks',
        '__proto__',
        '~',
      ),
      fc.string({ unit: 'binary', maxLength: 8 }),
    ),
    { maxLength: 60 },
  )
  .map((parts) => parts.join(''));

/** A configuration that is right, with a piece exchanged for another one. */
const damaged = fc
  .tuple(
    fc.constantFrom(sampleConfig(), ...guideExamples().map(({ text }) => text)),
    fc.nat(),
    fc.nat(40),
    yamlish,
  )
  .map(([text, at, length, piece]) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + piece + text.slice(from + length);
  });

test('whatever the text, there is a configuration or CONFIG_INVALID, at a line and column that exist', (t) => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), yamlish, damaged);
  let good = 0;
  fc.assert(
    fc.property(text, (text) => {
      const { config, mistakes, warnings } = checkConfig(text, { path: 'd.yaml' });
      if ((config === undefined) !== mistakes.length > 0) return false;
      if (config !== undefined) good += 1;
      const lines = text.replace(/^\ufeff/, '').split('\n');
      const real = [...mistakes, ...warnings].every(
        ({ line, column, message, member }) =>
          line <= lines.length &&
          column >= 1 &&
          column <= (lines[line - 1] ?? '').length + 1 &&
          // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
          !/[\u0000-\u001f\u007f]/.test(message + member),
      );
      return real && parses(text) === (config !== undefined);
    }),
    { numRuns: 3000, seed: 6 },
  );
  t.true(good > 20);
});

function parses(text: string): boolean {
  try {
    parseConfig(text, { path: 'd.yaml' });
    return true;
  } catch (error) {
    if (!isSiltError(error, 'CONFIG_INVALID')) throw error;
    return false;
  }
}
