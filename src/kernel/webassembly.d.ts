/**
 * The part of the WebAssembly JavaScript interface that the kernels use. TypeScript declares it in its
 * browser library only, which silt leaves out so that no browser global is used by mistake.
 */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array<ArrayBuffer>);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: Exports;
  }
  class Memory {
    readonly buffer: ArrayBuffer;
    grow(pages: number): number;
  }
  type Exports = Readonly<Record<string, unknown>>;
}
