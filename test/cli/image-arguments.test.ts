import test from 'ava';
import { imageArguments } from '../../src/cli/image-arguments.ts';
import { throwsSilt } from '../support/throws-silt.ts';

test('an image is named by its file, with a hyphen for what a name may not hold', (t) => {
  const paths = ['/a/b/rootfs.ext4', 'my image (1).img', '.hidden'];
  t.deepEqual(
    imageArguments(paths, []).map(({ name }) => name),
    ['rootfs.ext4', 'my-image--1-.img', 'hidden'],
  );
});

test('NAME=PATH names it, and the path may hold an equals sign', (t) => {
  t.deepEqual(imageArguments([], ['rootfs=a=b.img']), [{ name: 'rootfs', path: 'a=b.img' }]);
});

test('what makes no sense is refused', async (t) => {
  const wrong: [string[], string[]][] = [
    [[], []],
    [['-'], []],
    [['///'], []],
    [[], ['rootfs']],
    [[], ['=a.img']],
    [[], ['rootfs=']],
    [[], ['a=-', 'b=-']],
  ];
  for (const [paths, named] of wrong) {
    await throwsSilt(t, async () => imageArguments(paths, named), 'USAGE');
  }
});
