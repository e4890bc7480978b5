/**
 * A patch in a process of its own that kills itself: `node patch-child.ts OPTIONS KILL_AT`, the options as JSON.
 * It dies as soon as so many bytes of the image are done. Prints the report if it lives that long.
 *
 * @module
 */
import { type ApplyOptions, applyDelta } from '../../src/differ/apply-delta.ts';

const [options = '{}', killAt = 'Infinity'] = process.argv.slice(2);
const report = await applyDelta({
  ...(JSON.parse(options) as ApplyOptions),
  onProgress: ({ bytesDone }) => {
    if (bytesDone >= Number(killAt)) process.kill(process.pid, 'SIGKILL');
  },
});
console.log(JSON.stringify(report));
