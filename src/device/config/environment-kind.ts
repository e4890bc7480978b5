/**
 * The environment of a command: names and texts. A command of the device inherits nothing but what stands here.
 *
 * @module
 */
import { type Kind, memberName, refuse } from './kind.ts';
import { textKind } from './text-kinds.ts';

const MAX_VARIABLES = 64;
const MAX_VALUE = 4096;
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

const variable = textKind('a text', (text) => (text.length <= MAX_VALUE ? text : undefined));

export const environment: Kind<Readonly<Record<string, string>>> = {
  expected: 'a mapping of variables',
  read(value, reading, member) {
    if (value.type !== 'mapping') return refuse(reading, value, member, 'a mapping of variables');
    if (value.entries.size > MAX_VARIABLES) {
      const message = `expected at most ${MAX_VARIABLES} variables, found ${value.entries.size}`;
      reading.mistakes.add(value.at, member, message);
      return undefined;
    }
    const read = [...value.entries].map(([name, entry]) => {
      const below = memberName(member, name);
      if (!NAME.test(name)) {
        const message = 'expected the name of a variable, of letters, digits and _, no digit first';
        reading.mistakes.add(entry.nameAt, below, message);
      }
      return [name, variable.read(entry.value, reading, below)] as const;
    });
    const good = read.flatMap(([name, text]) => (text === undefined ? [] : [[name, text] as const]));
    return good.length < read.length ? undefined : Object.fromEntries(good);
  },
};
