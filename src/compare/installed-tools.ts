/**
 * Which of the tools can run here.
 *
 * @module
 */
import type { Peer } from './peer.ts';
import { probe } from './probe.ts';
import type { ToolInfo } from './result.ts';

export interface InstalledTools {
  readonly peers: readonly Peer[];
  readonly infos: readonly ToolInfo[];
  /** Why each of the others cannot, one sentence a tool. */
  readonly missing: readonly string[];
}

/** Looks for the programs of all `peers` in the PATH of `env`. */
export async function findInstalledTools(
  peers: readonly Peer[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<InstalledTools> {
  const found = await Promise.all(peers.map(async (peer) => ({ peer, outcome: await probe(peer, env) })));
  const installed: Peer[] = [];
  const infos: ToolInfo[] = [];
  const missing: string[] = [];
  for (const { peer, outcome } of found) {
    if ('missing' in outcome) {
      missing.push(`${peer.name}: ${outcome.missing}`);
      continue;
    }
    const { name, title, family } = peer;
    installed.push(peer);
    infos.push({ name, title, family, version: outcome.version });
  }
  return { peers: installed, infos, missing };
}
