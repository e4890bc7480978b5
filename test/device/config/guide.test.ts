import test from 'ava';
import { listMembers } from '../../../src/device/config/list-members.ts';
import { parseConfig } from '../../../src/device/config/parse-config.ts';
import { guideExamples, guideMembers } from '../../support/config-guide.ts';

test('the guide has three examples', (t) => {
  t.is(guideExamples().length, 3);
});

for (const { title, text } of guideExamples()) {
  test(`the example of the guide is right, without a warning: ${title}`, (t) => {
    const { config, warnings } = parseConfig(text, { path: '/etc/silt/device.yaml' });
    t.deepEqual(warnings, []);
    t.is(config.trust.root, '/etc/silt/root.json');
    t.true(config.components.length > 0);
  });
}

test('the guide lists every member in order, with its default, and no other', (t) => {
  t.true(listMembers().length > 90);
  t.deepEqual(guideMembers(), listMembers());
});
