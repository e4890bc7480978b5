import test from 'ava';
import { chooseLink } from '../../src/compare/choose-links.ts';
import { LINKS } from '../../src/compare/link.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('a link is chosen by name, in any case', (t) => {
  for (const link of LINKS) {
    t.is(chooseLink(link.name), link);
    t.is(chooseLink(link.name.toUpperCase()), link);
  }
});

test('a link is described by rate, round trip and loss', (t) => {
  t.like(chooseLink('8Mbit,120ms'), { bytesPerSecond: 1e6, roundTripMs: 120, loss: 0, resetAfterBytes: 0 });
  t.like(chooseLink('0.5mbit,700ms,2.5%'), { bytesPerSecond: 62_500, roundTripMs: 700, loss: 0.025 });
  t.like(chooseLink('1Gbit,0ms'), { bytesPerSecond: 125e6, roundTripMs: 0 });
});

for (const text of ['', '5g', 'lte ', '8Mbit', '8Mbit,fast', '1kbit,10ms', '8Mbit,120ms,60%', '-8Mbit,1ms']) {
  test(`"${text}" is no link`, async (t) => {
    const error = await throwsSilt(t, async () => chooseLink(text), 'USAGE');
    t.regex(error.message, /lan, lte, 3g/);
  });
}
