/**
 * packaging/uboot/boot.cmd, run by the shell of this machine: what U-Boot's shell has and this one has not is put
 * before it as functions. Each start is a subshell, so that nothing but its variables goes into it.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { UbootVariables } from '../../src/device/boot/uboot-environment.ts';

export const bootScript: string = readFileSync(
  new URL('../../packaging/uboot/boot.cmd', import.meta.url),
  'utf8',
);

/** Variables that count. */
const NAMES = ['BOOT_ORDER', 'BOOT_A_LEFT', 'BOOT_B_LEFT'] as const;

/** setexpr computes in hexadecimal, and test takes 0x; the first line of a start says what `load` answers. */
const PRELUDE = `
set -f
setenv() { _name=$1; shift; eval "$_name=\\$*"; }
setexpr() { eval "$1=$(printf %x $((0x$2 $3 0x$4)))"; }
test() { case $2 in -gt) [ $(($1)) -gt $(($3)) ];; *) [ "$@" ];; esac; }
saveenv() { echo "saved $BOOT_ORDER|$BOOT_A_LEFT|$BOOT_B_LEFT"; }
reset() { echo reset; exit; }
load() { echo "load $2"; [ "$loads" = yes ]; }
booti() { echo "start $bootargs"; exit; }
sleep() { :; }
kernel_addr_r=1 fdt_addr_r=2
`;

export interface ScriptRun {
  /** The partition from which it loads, `unit:number`. */
  readonly partition: string | undefined;
  readonly bootargs: string | undefined;
  readonly isReset: boolean;
  /** As saved before the start. */
  readonly saved: UbootVariables | undefined;
}

/** One start of the script for each of `states`. @param loads whether there is a kernel */
export function runBootScript(states: readonly UbootVariables[], loads = true): readonly ScriptRun[] {
  const starts = states.map((state) => {
    const set = [...state].map(([name, value]) => `${name}='${value}'`).join(' ');
    return `(\n${set}\nscript\necho\n)\necho ==`;
  });
  const text = `${PRELUDE}loads=${loads ? 'yes' : 'no'}\nscript() {\n${bootScript}\n}\n${starts.join('\n')}\n`;
  const output = execFileSync('sh', { input: text, encoding: 'utf8' });
  return output.split('==\n').slice(0, -1).map(runOf);
}

function runOf(output: string): ScriptRun {
  const after = (word: string): string | undefined => new RegExp(`^${word} (.*)$`, 'm').exec(output)?.[1];
  const saved = after('saved')?.split('|');
  return {
    partition: after('load'),
    bootargs: after('start'),
    isReset: /^reset$/m.test(output),
    saved: saved && new Map(NAMES.map((name, index) => [name, saved[index] ?? ''] as const)),
  };
}
