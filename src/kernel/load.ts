/**
 * Loads silt's WebAssembly kernels from `dist/wasm`, where `npm run build:wasm` puts them, beside both the
 * TypeScript sources and the built JavaScript.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { SiltError } from '../core/errors.ts';

const modules = new Map<string, WebAssembly.Module>();

/** WebAssembly pages are 64 KiB (WebAssembly core specification 2.0, §4.2.8). */
export const WASM_PAGE_BYTES = 65_536;

/**
 * A new instance of the kernel `name`, with its own memory. The compiled module is kept for the next one.
 *
 * @throws SiltError INTERNAL when the kernel was not built
 */
export function loadKernel(name: string): WebAssembly.Exports {
  return new WebAssembly.Instance(compiledKernel(name)).exports;
}

/**
 * The compiled kernel, which can be sent to other threads: {@link adoptKernel}.
 *
 * @throws SiltError INTERNAL when the kernel was not built
 */
export function compiledKernel(name: string): WebAssembly.Module {
  let module = modules.get(name);
  if (module === undefined) {
    module = new WebAssembly.Module(readKernel(name));
    modules.set(name, module);
  }
  return module;
}

/** Uses what another thread has compiled: its code is shared, with all that was optimized so far. */
export function adoptKernel(name: string, module: WebAssembly.Module): void {
  modules.set(name, module);
}

function readKernel(name: string): Uint8Array<ArrayBuffer> {
  const folder = extname(import.meta.url) === '.ts' ? '../../dist/wasm' : '../wasm';
  const url = new URL(`${folder}/${name}.wasm`, import.meta.url);
  try {
    return readFileSync(url);
  } catch (cause) {
    throw new SiltError('INTERNAL', `the kernel ${name}.wasm is missing; run "npm run build:wasm"`, {
      cause,
    });
  }
}
