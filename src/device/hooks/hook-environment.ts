/**
 * What a hook finds in its environment: the variables of the configuration, and SILT_… that say why it is called.
 * docs/guides/agent.md has the table.
 *
 * @module
 */
import { printable } from '../../io/run-command.ts';
import type { HookFacts } from '../update/device.ts';

/** Enough for a sentence, far below what a kernel takes for one variable. */
const MAX_MESSAGE = 1000;

/** What does not change from hook to hook. */
export interface HookDevice {
  readonly deviceId: string;
  readonly product: string;
}

/** @param configured variables of the integrator; none of them stands in for one of ours */
export function hookEnvironment(
  hook: string,
  facts: HookFacts,
  device: HookDevice,
  configured: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    ...Object.fromEntries(Object.entries(configured).filter(([name]) => !name.startsWith('SILT_'))),
    SILT_HOOK: hook,
    SILT_DEVICE: device.deviceId,
    SILT_PRODUCT: device.product,
    SILT_PHASE: facts.phase,
    SILT_UPDATE: facts.update,
    SILT_VERSION: facts.version,
    SILT_COUNTER: String(facts.counter),
    ...(facts.target !== undefined && { SILT_SLOT: facts.target }),
    ...(facts.code !== undefined && { SILT_CODE: printable(facts.code) }),
    ...(facts.message !== undefined && { SILT_MESSAGE: printable(facts.message, MAX_MESSAGE) }),
  };
}
