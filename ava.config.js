// What takes long, such as a guide that is followed command by command, or other update tools at work, is run by
// `npm run test:slow`.
const slow = 'test/**/*.slow.test.ts';

export default {
  extensions: ['ts'],
  files: process.env.SILT_TESTS === 'slow' ? [slow] : ['test/**/*.test.ts', `!${slow}`],
  timeout: '120s',
  concurrency: 2,
};
