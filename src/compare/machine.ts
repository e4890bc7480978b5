/**
 * The machine that figures are of.
 *
 * @module
 */
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import type { Machine } from './result.ts';

/** @param node version of the Node.js that runs */
export function describeMachine(node: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}`,
    node,
  };
}
