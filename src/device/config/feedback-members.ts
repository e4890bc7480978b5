/**
 * Feedback in the configuration: where a device tells how its updates go. How it connects is `trust.tls`, as for
 * repositories.
 *
 * @module
 */
import { checked, type Kind } from './kind.ts';
import { byDefault, optional, required, shape } from './shapes.ts';
import { isPlainUrl, path, textKind } from './text-kinds.ts';
import { duration } from './time-kinds.ts';

const MAX_URL = 2048;

const url = textKind(
  'an http:// or https:// URL',
  (text) => (text.length <= MAX_URL && isPlainUrl(text) ? text : undefined),
  (text) =>
    /^https?:\/\/[^/]*@/i.test(text)
      ? 'no user and password in a URL: use tokenFile or trust.tls.cert'
      : undefined,
);

export const feedback = checked(
  shape({
    url: required(url),
    tokenFile: optional(path),
    timeout: byDefault(duration('1s', '10min'), '30s'),
    progress: byDefault(duration('1s', '1d'), '1min'),
  }),
  (found, tell) => {
    if (found.tokenFile !== undefined && /^http:/i.test(found.url)) {
      tell.warning('over http:// everybody on the way reads the token; use https://', 'tokenFile');
    }
    return found;
  },
);

/** Times are in seconds. */
export type FeedbackConfig = typeof feedback extends Kind<infer T> ? T : never;
