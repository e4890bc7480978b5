import test from 'ava';
import { checkSample, mistakesOf, warningsOf } from '../../support/sample-config.ts';

test('the sample is right and has no warnings', (t) => {
  const { config, mistakes, warnings } = checkSample();
  t.deepEqual([mistakes, warnings], [[], []]);
  t.is(config?.product, 'gateway');
});

/** What is changed in the sample, and the one mistake that it makes. */
const wrong: Readonly<Record<string, readonly [changes: Readonly<Record<string, string>>, mistake: string]>> =
  {
    'a member with a typing error': [
      { product: 'product: gateway\nchanel: beta' },
      'd.yaml:3:1: chanel: there is no such member; did you mean channel?',
    ],
    'a member that nobody meant': [
      { budgets: 'budgets: { "spark\\nplug": 1 }' },
      'd.yaml:14:12: budgets."spark\\nplug": there is no such member; it may have maxBytes, maxRequests or seconds',
    ],
    'a member in another spelling': [
      { device: 'device: { id: a, id-file: /x }' },
      'd.yaml:1:18: device.id-file: there is no such member; did you mean idFile?',
    ],
    'a member that is missing': [
      { product: '' },
      'd.yaml:1:1: product: expected a name of letters, digits and . _ + ~ -, at most 128, found nothing; add it',
    ],
    'a member without a value': [
      { product: 'product:' },
      'd.yaml:2:1: product: expected a name of letters, digits and . _ + ~ -, at most 128, found nothing; add it',
    ],
    'a list in the place of a text': [
      { product: 'product: [gateway]' },
      'd.yaml:2:10: product: expected a name of letters, digits and . _ + ~ -, at most 128, found a list',
    ],
    'a text in the place of a list': [
      { repositories: 'repositories: https://a.example/' },
      'd.yaml:3:15: repositories: expected a list of repositories, found "https://a.example/"; write [a, b], or one in each line after "- "',
    ],
    'a text in the place of a mapping': [
      { hooks: 'hooks: none' },
      'd.yaml:13:8: hooks: expected a mapping of preInstall, postInstall, preReboot, reboot, health, failure or defer, found "none"',
    ],
    'no repository': [
      { repositories: 'repositories: []' },
      'd.yaml:3:15: repositories: expected 1 to 16 repositories, found 0',
    ],
    'a repository named twice': [
      { repositories: 'repositories: [repo, ./repo]' },
      'd.yaml:3:22: repositories[1]: expected each repository once, found it again; it would be asked twice',
    ],
    'a password in a URL': [
      { repositories: 'repositories: ["https://me:secret@a.example/"]' },
      'd.yaml:3:16: repositories[0]: expected an http(s):// URL, s3://bucket/prefix or a directory, found "https://me:secret@a.example/"; no user and password in a URL: use trust.tls.cert',
    ],
    'an unknown scheme': [
      { repositories: 'repositories: ["ftp://a.example/"]' },
      'd.yaml:3:16: repositories[0]: expected an http(s):// URL, s3://bucket/prefix or a directory, found "ftp://a.example/"',
    ],
    'a member that stands twice': [
      { product: 'product: a\nproduct: b' },
      'd.yaml:3:1: product: expected each member once, found it again',
    ],
    'no id': [
      { device: 'device: { hardware: x }' },
      'd.yaml:1:9: device: expected id or idFile, found neither; add one, such as idFile: /etc/machine-id',
    ],
    'two ids': [
      { device: 'device: { id: a, idFile: b }' },
      'd.yaml:1:26: device.idFile: expected id or idFile, found both; leave one out',
    ],
    'a variant of nothing': [
      { device: 'device: { id: a, variant: b }' },
      'd.yaml:1:27: device.variant: expected hardware with it, found none; add it',
    ],
    'no root of trust': [
      { trust: 'trust: {}' },
      'd.yaml:4:8: trust: expected root with the policy tuf, found none; add the root of trust, root.json',
    ],
    'certificates without their policy': [
      { trust: 'trust: { root: a, anchors: b }' },
      'd.yaml:4:28: trust.anchors: expected the policy x509 or both with it, found tuf: certificates count only then',
    ],
    'a root that would not be looked at': [
      { trust: 'trust: { policy: x509, root: a, anchors: b }' },
      'd.yaml:4:30: trust.root: expected the policy tuf or both with it, found x509: the root would not be looked at',
    ],
    'a policy without anchors': [
      { trust: 'trust: { policy: both, root: a }' },
      'd.yaml:4:8: trust: expected anchors with the policy both, found none; add the certificates to trust',
    ],
    'a certificate without its key': [
      { trust: 'trust: { root: a, recipient: { cert: c } }' },
      'd.yaml:4:38: trust.recipient.cert: expected key with it, found none; add the key of the certificate',
    ],
    'TLS without a server that has it': [
      { repositories: 'repositories: [/media]', trust: 'trust: { root: a, tls: { ca: b } }' },
      'd.yaml:4:24: trust.tls: expected a repository at https:// with it, found none',
    ],
    'an unknown type of installer': [
      {
        components: 'components: [{ name: a, installer: { type: slot } }]',
        bootLoader: 'bootLoader: { type: none }',
      },
      'd.yaml:5:44: components[0].installer.type: expected one of slots, file, directory, oci, deb or command, found "slot"; did you mean slots?',
    ],
    'an installer without a type': [
      {
        components: 'components: [{ name: a, installer: { path: /x } }]',
        bootLoader: 'bootLoader: { type: none }',
      },
      'd.yaml:5:36: components[0].installer.type: expected one of slots, file, directory, oci, deb or command, found nothing; add it',
    ],
    'a command as a shell would read it': [
      { hooks: 'hooks: { health: { command: /bin/true --x } }' },
      'd.yaml:13:29: hooks.health.command: expected a list of arguments, the program first, found "/bin/true --x"; no shell reads it, so write [program, argument, …]',
    ],
    'braces without quotes': [
      { hooks: 'hooks: { health: { command: [a, {path}] } }' },
      'd.yaml:13:33: hooks.health.command[1]: expected a text, found a mapping; put braces in quotes, as in "{path}"',
    ],
    'a variable that no environment can have': [
      { hooks: 'hooks: { health: { command: [a], environment: { 1A: b } } }' },
      'd.yaml:13:49: hooks.health.environment.1A: expected the name of a variable, of letters, digits and _, no digit first',
    ],
    'a variable that is no text': [
      { hooks: 'hooks: { health: { command: [a], environment: { A: [b] } } }' },
      'd.yaml:13:52: hooks.health.environment.A: expected a text, found a list',
    ],
    'a duration without a unit': [
      { polling: 'polling: { interval: 300 }' },
      'd.yaml:14:22: polling.interval: expected a duration such as 30s, 15min, 6h or 2d, from 30s to 30d, found "300"; with its unit: 300s, 300min?',
    ],
    'a duration that is too short': [
      { polling: 'polling: { interval: 29s, jitter: 0s }' },
      'd.yaml:14:22: polling.interval: expected a duration such as 30s, 15min, 6h or 2d, from 30s to 30d, found "29s"',
    ],
    'more jitter than interval': [
      { polling: 'polling: { interval: 5min }' },
      'd.yaml:14:10: polling.jitter: expected at most the interval of 300 s, found 600 s; a tenth of it will do',
    ],
    'a time zone that there is not': [
      { polling: 'polling: { windows: [{ from: 1:00, to: 2:00, timeZone: Mars/Base }] }' },
      'd.yaml:14:56: polling.windows[0].timeZone: expected a time zone such as UTC or Europe/Berlin, found "Mars/Base"',
    ],
    'a window of no length': [
      { polling: 'polling: { windows: [{ from: 1:00, to: 01:00 }] }' },
      'd.yaml:14:40: polling.windows[0].to: expected another time than from; all day is 00:00 to 24:00',
    ],
    'a time that there is not': [
      { polling: 'polling: { windows: [{ from: 24:01, to: 01:00 }] }' },
      'd.yaml:14:30: polling.windows[0].from: expected a time of day such as 02:30, up to 24:00, found "24:01"',
    ],
    'a day that stands twice': [
      { polling: 'polling: { windows: [{ days: [mon, mon], from: 1:00, to: 2:00 }] }' },
      'd.yaml:14:30: polling.windows[0].days: expected each day once, found mon again',
    ],
    'a budget that no update can keep': [
      { budgets: 'budgets: { maxRequests: 3 }' },
      'd.yaml:14:25: budgets.maxRequests: expected a whole number from 10 to 1000000, found "3"',
    ],
    'a control character': [
      { product: 'product: "a\\tb"' },
      'd.yaml:2:10: product: expected a name of letters, digits and . _ + ~ -, at most 128, found "a\\tb"',
    ],
  };

for (const [what, [changes, mistake]] of Object.entries(wrong)) {
  test(`a mistake with its line: ${what}`, (t) => {
    t.deepEqual(mistakesOf(changes), [mistake]);
    t.is(checkSample(changes).config, undefined);
  });
}

test('all mistakes are told at once, in the order of the file', (t) => {
  const lines = mistakesOf({
    device: 'device: {}',
    product: 'product: "a/b"',
    bootLoader: 'bootLoader: { type: grubb }',
    hooks: 'hook: {}',
  });
  t.deepEqual(
    lines.map((line) => line.split(': ').slice(0, 2).join(' ')),
    ['d.yaml:1:9 device', 'd.yaml:2:10 product', 'd.yaml:12:21 bootLoader.type', 'd.yaml:13:1 hook'],
  );
});

test('there is an end to mistakes', (t) => {
  const many = Array.from({ length: 500 }, (_, index) => `x${index}: 1`).join('\n');
  t.is(mistakesOf({ product: many }).length, 100);
});

test('without a health hook there is a warning', (t) => {
  t.deepEqual(warningsOf({ hooks: 'hooks: { failure: { command: [a] } }' }), [
    'd.yaml:13:8: hooks: without hooks.health a new system counts as healthy as soon as it has started; add a command that knows better',
  ]);
});

test('a budget under a mebibyte and one longer than the interval are warnings', (t) => {
  const warnings = warningsOf({
    budgets: 'budgets: { maxBytes: 100KiB, seconds: 7200 }',
    polling: 'polling: { interval: 1h }',
  });
  t.is(warnings.length, 2);
  t.regex(warnings[0] ?? '', /^d\.yaml:14:22: budgets\.maxBytes: under 1MiB/);
  t.regex(warnings[1] ?? '', /^d\.yaml:14:39: budgets\.seconds: .*3600 s/);
});
