/**
 * Raises a floor one by one and tells each when it is done, until it is killed: `DIRECTORY PRODUCT FIRST`.
 *
 * @module
 */
import { writeSync } from 'node:fs';
import { argv } from 'node:process';
import { openFloor } from '../../src/trust/floor.ts';

const [directory = '', product = '', first = ''] = argv.slice(2);
const floor = openFloor(directory);
for (let counter = Number(first); ; counter++) {
  writeSync(1, `${await floor.raise(product, counter)}\n`);
}
