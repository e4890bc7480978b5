#!/usr/bin/env node
/**
 * The `silt` program. An old Node cannot even load the rest, so its version is looked at first.
 *
 * @module
 */
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(`silt: needs Node.js 24.15 or later, found ${process.versions.node}\n`);
  process.exit(1);
}
// What runs on devices.
const command = process.argv.slice(2, 4).join(' ');
if (/^(fetch|install|agent|mark-good|rollback|status)\b|^delta patch$/.test(command))
  (await import('./small-heap.ts')).keepHeapSmall();
const { runProgram } = await import('./program.ts');
// All streams of a process are synchronous here, so nothing is lost. Not by process.exit(): that joins V8's
// threads, of which one that compiles may be waiting for this thread to collect garbage, for ever.
process.exitCode = await runProgram(process.argv);
// What still hangs (a socket, a thread) must not keep a finished command.
setTimeout(() => process.exit(), 200).unref();

export {};
