/**
 * Compiles each kernel in `wasm/` to `dist/wasm/<name>.wasm`. The compiler's version is pinned by the lock
 * file; the same sources give the same bytes.
 */
import { mkdirSync, readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
mkdirSync('dist/wasm', { recursive: true });
for (const file of readdirSync('wasm').filter((name) => name.endsWith('.ts'))) {
  const output = `dist/wasm/${basename(file, '.ts')}.wasm`;
  const { error, stderr } = await asc.main(
    [
      `wasm/${file}`,
      '--outFile',
      output,
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
    console.error(stderr.toString());
    process.exit(1);
  }
  console.log(output);
}
