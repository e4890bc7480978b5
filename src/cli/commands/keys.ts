/**
 * `silt keys`: who may sign what in a repository.
 *
 * @module
 */
import type { Command } from 'commander';
import { addKeysAdd, addKeysRevoke, addKeysRotate } from './keys-change.ts';
import { addKeysInit } from './keys-init.ts';
import { addKeysList } from './keys-list.ts';
import { addKeysExportRoot, addKeysSignRoot } from './keys-root.ts';
import { addKeysSeal } from './keys-seal.ts';

const examples = `
Examples:
  silt keys init ./keys --repo ./repo --product gateway
  silt keys list --repo ./repo --keys ./keys
  silt keys add --repo ./repo --keys ./keys --role product:app --generate ./keys/product-app.pem
  silt keys rotate --repo ./repo --keys ./keys --role timestamp
  silt keys revoke 3f2a91c04d7e --repo ./repo --keys ./keys
  silt keys export-root --repo ./repo --keys ./keys --output root.json`;

/** Adds the command to `program`. */
export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .summary('make, change and list the keys of a repository')
    .description('Makes a signed repository, and says who may sign what in it.')
    .addHelpText('after', examples);
  addKeysInit(keys);
  addKeysList(keys);
  addKeysAdd(keys);
  addKeysRotate(keys);
  addKeysRevoke(keys);
  addKeysSignRoot(keys);
  addKeysExportRoot(keys);
  addKeysSeal(keys);
}
