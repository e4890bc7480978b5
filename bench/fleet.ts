/**
 * A fleet that updates at once: hundreds of devices, with several releases and with none, fetch the last one through
 * two nginx with silt's own configuration before a real S3 server. Once undisturbed, and once while connections
 * are reset, answers are errors, short or wrong, and one of the two nodes is down for a while. Ends with 1 unless
 * every device has the right image.
 *
 *     npm run bench:fleet                                      300 devices, the row esbuild-row of the corpus
 *     npm run bench:fleet -- --page docs/fleet-results.md      writes the tables there
 *     npm run bench:fleet -- --short                           48 devices with seeded images: half a minute
 *     npm run bench:fleet -- --devices 800 --processes 8 --at-once 100 --row npm-row
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { corpusImages, seededImages } from './fleet/fleet-images.ts';
import { startOrigin } from './fleet/fleet-origin.ts';
import { lostIn, type PassReport, passTables } from './fleet/fleet-report.ts';
import { runPass } from './fleet/run-pass.ts';
import { writeSection } from './replace-section.ts';

const { values } = parseArgs({
  options: {
    devices: { type: 'string' },
    processes: { type: 'string' },
    'at-once': { type: 'string' },
    row: { type: 'string', default: 'esbuild-row' },
    seeded: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    page: { type: 'string' },
  },
});
const devices = countOf('devices', values.short ? 48 : 300);
const processes = countOf('processes', values.short ? 2 : 4);
const atOnce = countOf('at-once', values.short ? 24 : 75);

const directory = await mkdtemp(join(tmpdir(), 'silt-fleet-'));
try {
  const images =
    values.seeded || values.short ? seededImages(directory) : corpusImages(values.row, process.env);
  const lines: string[] = [];
  const say = (line: string): void => {
    console.log(line);
    lines.push(line);
  };
  await using origin = await openOrigin();
  say(
    `${images.about}. ${devices} devices in ${processes} processes, ${processes * atOnce} at once at most; ` +
      `two nginx, caches cold, before ${origin.about}. ${availableParallelism()} processors for all of it, ` +
      `load ${(loadavg()[0] ?? 0).toFixed(1)} at the beginning.`,
  );
  say('');
  const passes: PassReport[] = [];
  for (const faults of [false, true]) {
    const name = faults ? 'with faults' : 'undisturbed';
    const { paths } = images;
    passes.push(await runPass({ name, directory, origin, paths, devices, processes, atOnce, faults }));
  }
  for (const line of passTables(passes)) say(line);
  if (values.page !== undefined) writeSection(values.page, 'fleet', lines.join('\n'));
  for (const pass of passes) {
    for (const { from, problem } of lostIn(pass)) {
      console.error(`${pass.name}: a device with ${from} has not got the image: ${problem}`);
      process.exitCode = 1;
    }
  }
  const lost = passes.reduce((sum, pass) => sum + lostIn(pass).length, 0);
  console.error(`fleet: ${devices * passes.length} fetches, ${lost} of them wrong or lost`);

  async function openOrigin() {
    const opened = await startOrigin(directory, images, values.short ? 'zstd:1' : 'zstd:19');
    return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() });
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}

function countOf(name: 'devices' | 'processes' | 'at-once', usual: number): number {
  const value = values[name] === undefined ? usual : Number(values[name]);
  if (Number.isInteger(value) && value > 0) return value;
  throw new Error(`expected --${name} to be a whole number from 1 on, found "${values[name]}"`);
}
