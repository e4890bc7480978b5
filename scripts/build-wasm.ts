/**
 * Compiles each kernel in `wasm/` to `dist/wasm/<name>.wasm`. The compiler's version is pinned by the lock
 * file; the same sources give the same bytes. A kernel takes its name when it is complete, so that a test that
 * runs meanwhile loads the old one or the new one.
 */
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
mkdirSync('dist/wasm', { recursive: true });
for (const file of readdirSync('wasm').filter((name) => name.endsWith('.ts'))) {
  const output = `dist/wasm/${basename(file, '.ts')}.wasm`;
  // The compiler tells by the end of the name what it is to write.
  const partial = `dist/wasm/.${basename(file, '.ts')}-${process.pid}.wasm`;
  const { error, stderr } = await asc.main(
    [
      `wasm/${file}`,
      '--outFile',
      partial,
      '--runtime',
      'stub',
      '-O3',
      '--noAssert',
      '--initialMemory',
      '1',
      '--use',
      'abort=',
      '--enable',
      'simd',
    ],
    {},
  );
  if (error) {
    rmSync(partial, { force: true });
    console.error(stderr.toString());
    process.exit(1);
  }
  renameSync(partial, output);
  console.log(output);
}
