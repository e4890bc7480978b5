import test from 'ava';
import { checkSample, mistakesOf, warningsOf } from '../../support/sample-config.ts';

const https = 'feedback: { url: "https://c.example/events?site=4", tokenFile: token }';

test('feedback has defaults, and its token lies beside the file', (t) => {
  const { config, warnings } = checkSample({ feedback: https });
  t.deepEqual(config?.feedback, {
    url: 'https://c.example/events?site=4',
    tokenFile: '/etc/silt/token',
    timeout: 30,
    progress: 60,
  });
  t.deepEqual(warnings, []);
});

test('a feedback section that is empty is none', (t) => {
  t.is(checkSample({ feedback: 'feedback:' }).config?.feedback, undefined);
});

test('the settings of TLS may be for feedback alone', (t) => {
  const changes = {
    trust: 'trust: { root: root.json, tls: { ca: ca.pem } }',
    repositories: 'repositories: [/srv]',
  };
  t.deepEqual(mistakesOf({ ...changes, feedback: https }), []);
  t.regex(mistakesOf(changes)[0] ?? '', /expected a repository at https/);
  t.regex(
    mistakesOf({ ...changes, feedback: 'feedback: { url: "http://c.example/" }' })[0] ?? '',
    /found none/,
  );
});

test('a token over http:// is warned of', (t) => {
  t.deepEqual(warningsOf({ feedback: 'feedback: { url: "http://c.example/", tokenFile: token }' }), [
    'd.yaml:14:50: feedback.tokenFile: over http:// everybody on the way reads the token; use https://',
  ]);
});

const url = 'feedback.url: expected an http:// or https:// URL';
const wrong: Readonly<Record<string, string>> = {
  '{ tokenFile: token }': `d.yaml:14:11: ${url}, found nothing; add it`,
  '{ url: "s3://bucket/x" }': `d.yaml:14:18: ${url}, found "s3://bucket/x"`,
  '{ url: "https://me:pw@c.example/" }': `d.yaml:14:18: ${url}, found "https://me:pw@c.example/"; no user and password in a URL: use tokenFile or trust.tls.cert`,
  '{ url: "https://c.example/", timeout: 1h }':
    'd.yaml:14:49: feedback.timeout: expected a duration such as 30s, 15min, 6h or 2d, from 1s to 10min, found "1h"',
  '{ url: "https://c.example/", tokenfile: secret }':
    'd.yaml:14:40: feedback.tokenfile: there is no such member; did you mean tokenFile?',
};

for (const [text, mistake] of Object.entries(wrong)) {
  test(`a mistake is told with its place: ${text}`, (t) => {
    t.deepEqual(mistakesOf({ feedback: `feedback: ${text}` }), [mistake]);
  });
}
