import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { commandBootLoader } from '../../../src/device/boot/command-boot-loader.ts';
import { testBootLoader } from '../../support/boot-loader-contract.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';
import { throwsSilt } from '../../support/throws-silt.ts';

const slots = ['A', 'B'];

/** A back end in sh with the four verbs: a file for the order, and one a slot for the tries left, empty for good. */
const SCRIPT = `#!/bin/sh
set -eu
cd "$(dirname "$0")"
echo "$*" >>calls
first() { for slot in $(cat order); do [ "$(cat "$slot")" = 0 ] || { echo "$slot"; return; }; done; }
case $1 in
  get-primary) first ;;
  set-primary) echo "$2 $(cat order | sed "s/$2//")" >order; echo "\${SILT_TRIES:-3}" >"$2" ;;
  get-state) if [ "$(cat "$2")" = 0 ]; then echo bad; else echo good; fi ;;
  set-state) if [ "$3" = good ]; then : >"$2"; else echo 0 >"$2"; fi ;;
  *) echo "no such verb: $1" >&2; exit 2 ;;
esac
`;

async function backEnd(t: ExecutionContext<unknown>, script = SCRIPT) {
  const directory = await temporaryDirectory(t);
  const program = join(directory, 'back end');
  await writeFile(program, script);
  await chmod(program, 0o755);
  await writeFile(join(directory, 'order'), 'A B\n');
  await writeFile(join(directory, 'A'), '');
  await writeFile(join(directory, 'B'), '0\n');
  return { directory, program, loader: commandBootLoader({ command: [program], slots }) };
}

testBootLoader(test, 'command', async (t) => {
  const { directory, program } = await backEnd(t);
  return {
    open: () => commandBootLoader({ command: [program], slots }),
    // The firmware that goes with the script.
    boot: async () => {
      const left = async (slot: string): Promise<string> =>
        (await readFile(join(directory, slot), 'utf8')).trim();
      const order = (await readFile(join(directory, 'order'), 'utf8')).trim().split(/ +/);
      for (const slot of order) {
        const tries = await left(slot);
        if (tries === '0') continue;
        if (tries !== '') await writeFile(join(directory, slot), `${Number(tries) - 1}\n`);
        return slot;
      }
      return undefined;
    },
  };
});

test('the verbs are those of existing back ends, and nothing else is called', async (t) => {
  const { directory, loader } = await backEnd(t);
  await loader.activate('B', 2);
  await loader.markGood('B');
  await loader.markBad('A');
  await loader.read();
  t.deepEqual((await readFile(join(directory, 'calls'), 'utf8')).trim().split('\n'), [
    'set-primary B',
    'get-primary',
    'get-primary',
    'set-state B good',
    'set-state A bad',
    'get-primary',
    'get-state B',
    'get-state A',
  ]);
});

test('arguments before the verb are handed on as they are, without a shell', async (t) => {
  const { directory, program } = await backEnd(t, '#!/bin/sh\necho "$1|$2" >"$(dirname "$0")/calls"\n');
  const loader = commandBootLoader({ command: [program, '$(id); *'], slots });
  await loader.markBad('A');
  t.is(await readFile(join(directory, 'calls'), 'utf8'), '$(id); *|set-state\n');
});

test('a command that fails is told with the first line of its complaint', async (t) => {
  const { loader } = await backEnd(t, '#!/bin/sh\necho "no flash" >&2\necho more >&2\nexit 3\n');
  for (const action of [
    () => loader.read(),
    () => loader.activate('B', 1),
    () => loader.markGood('A'),
    () => loader.markBad('A'),
  ]) {
    const error = await throwsSilt(t, action, 'BOOT_FAILED');
    t.regex(error.message, /status 3: no flash$/);
  }
});

test('a command that is killed, or is not there, is told of', async (t) => {
  const { directory, loader } = await backEnd(t, '#!/bin/sh\nkill -9 $$\n');
  t.regex((await throwsSilt(t, () => loader.markBad('A'), 'BOOT_FAILED')).message, /SIGKILL/);
  const gone = commandBootLoader({ command: [join(directory, 'nothing')], slots });
  t.regex((await throwsSilt(t, () => gone.markBad('A'), 'BOOT_FAILED')).message, /did not start/);
});

test('a command that hangs is ended', async (t) => {
  const { program } = await backEnd(t, '#!/bin/sh\nexec sleep 600\n');
  const loader = commandBootLoader({ command: [program], slots, limitMs: 200 });
  t.regex((await throwsSilt(t, () => loader.read(), 'BOOT_FAILED')).message, /longer than 0\.2 s/);
});

test('a command that says too much is ended', async (t) => {
  const { loader } = await backEnd(t, '#!/bin/sh\nexec yes A\n');
  t.regex((await throwsSilt(t, () => loader.read(), 'BOOT_FAILED')).message, /more than 4096 bytes/);
});

test('an answer that makes no sense is refused', async (t) => {
  const answers: readonly (readonly [string, RegExp])[] = [
    [
      'case $1 in get-primary) echo C ;; *) echo good ;; esac',
      /one of the slots A, B for get-primary, found "C"/,
    ],
    ['case $1 in get-primary) printf "A\\nB\\n" ;; *) echo good ;; esac', /found "A B"/],
    ['case $1 in get-primary) echo A ;; *) echo fine ;; esac', /good or bad for get-state A, found "fine"/],
    ['case $1 in get-primary) echo A ;; esac', /found ""/],
  ];
  for (const [body, message] of answers) {
    const { loader } = await backEnd(t, `#!/bin/sh\n${body}\n`);
    t.regex((await throwsSilt(t, () => loader.read(), 'BOOT_STATE_INVALID')).message, message);
  }
});

test('a command that does not do what it says is found out', async (t) => {
  const { loader } = await backEnd(t, '#!/bin/sh\ncase $1 in get-primary) echo A ;; esac\n');
  const error = await throwsSilt(t, () => loader.activate('B', 1), 'BOOT_FAILED');
  t.regex(error.message, /expected get-primary to print B after set-primary B, found A/);
});

test('a primary slot that is bad is not the one that starts', async (t) => {
  const { loader } = await backEnd(
    t,
    '#!/bin/sh\ncase "$*" in get-primary) echo B ;; "get-state B") echo bad ;; *) echo good ;; esac\n',
  );
  const state = await loader.read();
  t.is(state.primary, 'A');
  t.deepEqual(
    state.order.map(({ name, triesLeft, bootable }) => ({ name, triesLeft, bootable })),
    [
      { name: 'A', triesLeft: undefined, bootable: true },
      { name: 'B', triesLeft: undefined, bootable: false },
    ],
  );
});

test('no slot at all is a state as well', async (t) => {
  const { loader } = await backEnd(t, '#!/bin/sh\ncase $1 in get-state) echo bad ;; esac\n');
  t.is((await loader.read()).primary, undefined);
});

test('an empty command is refused', (t) => {
  for (const command of [[], ['']]) {
    t.throws(() => commandBootLoader({ command, slots }), { code: 'CONFIG_INVALID' });
  }
});

// One after the other: a program that is being written while another one is started cannot be run (ETXTBSY).
test.serial(
  'get-current says which slot runs; whoever does not know the verb is not asked further',
  async (t) => {
    const answers: readonly (readonly [string, string | undefined])[] = [
      ['[ "$1" = get-current ] && echo B', 'B'],
      ['echo "no such verb: $1" >&2; exit 2', undefined],
      ['exit 127', undefined],
      ['exit 0', undefined],
      ['echo B; exit 1', undefined],
    ];
    for (const [body, slot] of answers) {
      const { loader } = await backEnd(t, `#!/bin/sh\n${body}\n`);
      t.is(await loader.booted?.(), slot, body);
    }
  },
);

test.serial('get-current that names no slot, or does not end by itself, is a failure', async (t) => {
  const { loader } = await backEnd(t, '#!/bin/sh\necho C\n');
  await throwsSilt(t, async () => await loader.booted?.(), 'BOOT_STATE_INVALID');
  const killed = await backEnd(t, '#!/bin/sh\nkill -9 $$\n');
  await throwsSilt(t, async () => await killed.loader.booted?.(), 'BOOT_FAILED');
  const gone = commandBootLoader({ command: [join(killed.directory, 'nothing')], slots });
  await throwsSilt(t, async () => await gone.booted?.(), 'BOOT_FAILED');
});
