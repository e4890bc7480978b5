import test from 'ava';
import { goVersion } from '../../src/compare/go-build-info.ts';

/** A program with `text` somewhere in it. */
const program = (text: string): Buffer =>
  Buffer.concat([Buffer.alloc(5000, 0xc3), Buffer.from(text), Buffer.alloc(5000)]);

test('reads the version of the main module', (t) => {
  const info =
    'path\texample.org/tool/cmd/tool\nmod\texample.org/tool\tv0.9.6\th1:abc=\ndep\tother\tv1.0.0\n';
  t.is(goVersion(program(info)), '0.9.6');
});

test('passes over what only begins like it', (t) => {
  const info = 'path\tpath\tv1\nmod\t path\texample.org/tool\nmod\texample.org/tool\tv1.2.3-rc.1\th1:abc=\n';
  t.is(goVersion(program(info)), '1.2.3-rc.1');
});

test('a program of a working tree, and one that is not Go, have none', (t) => {
  t.is(goVersion(program('path\texample.org/tool\nmod\texample.org/tool\t(devel)\t\n')), undefined);
  t.is(goVersion(program('no path here')), undefined);
  t.is(goVersion(Buffer.alloc(0)), undefined);
  t.is(goVersion(Buffer.from('path\t')), undefined);
});
