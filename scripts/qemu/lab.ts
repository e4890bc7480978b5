/**
 * What a story needs: releases that are signed, published and served, a machine that starts, and a look at its disk
 * after each start. Every start is one row of the table; what is not as expected ends the script.
 *
 * @module
 */
import { join } from 'node:path';
import { type StaticServer, startStaticServer } from '../../src/server/static-server.ts';
import { runSilt } from '../run-silt.ts';
import { readData, readGrubVariables, slotHolds } from './disk-state.ts';
import { type Ended, type Machine, start } from './machine.ts';
import { makeDisk } from './make-disk.ts';
import type { Behaviour, ImageMaker, RootImage } from './root-image.ts';

/** The host as a guest of QEMU's user network sees it. */
const HOST = '10.0.2.2';

export interface Expected {
  /** What the guest does: see guest/init.sh. */
  readonly steps: string;
  readonly slot: 'A' | 'B';
  readonly version: number;
  readonly how: Ended['how'];
  /** Lines of the console that must be there, in this order. */
  readonly says?: readonly RegExp[];
  /** The power is cut at this line, or after the first pack that the device has been given. */
  readonly cutAt?: RegExp | 'fetch';
}

export interface Row {
  readonly story: number;
  readonly what: string;
  readonly expected: Expected;
  readonly seconds: number;
}

export class Lab implements AsyncDisposable {
  readonly rows: Row[] = [];
  readonly #images: RootImage[] = [];
  readonly #directory: string;
  readonly #maker: ImageMaker;
  readonly #machine: Omit<Machine, 'limit'>;
  readonly #server: StaticServer;
  readonly #say: (line: string) => void;
  readonly #limit: () => number;
  #onPack: (() => void) | undefined;

  private constructor(options: LabOptions, machine: Omit<Machine, 'limit'>, server: StaticServer) {
    this.#directory = options.directory;
    this.#maker = options.maker;
    this.#say = options.say;
    this.#limit = options.limit;
    this.#machine = machine;
    this.#server = server;
  }

  /** Publishes version 1, and makes a disk that has it. */
  static async open(options: LabOptions): Promise<Lab> {
    const { directory, accelerator } = options;
    const repository = join(directory, 'repository');
    const keys = join(directory, 'keys');
    await runSilt(['keys', 'init', keys, '--repo', repository, '--product', 'board']);
    let lab: Lab | undefined;
    const server = await startStaticServer(repository, {
      onRequest({ path }) {
        if (path.startsWith('/packs/')) lab?.heardOfPack();
      },
    });
    const disk = join(directory, 'disk.img');
    lab = new Lab(options, { accelerator, disk }, server);
    await lab.publish(1, 'healthy');
    await makeDisk(disk, join(directory, 'parts'), {
      image: lab.#image(1).path,
      repository: `http://${HOST}:${new URL(server.url).port}/`,
      root: join(keys, 'root.json'),
    });
    return lab;
  }

  get disk(): string {
    return this.#machine.disk;
  }

  /** A pack, or a part of one, has been served. */
  heardOfPack(): void {
    this.#onPack?.();
  }

  async publish(version: number, behaviour: Behaviour): Promise<void> {
    const image = await this.#maker.make(version, behaviour);
    this.#images.push(image);
    const place = ['--repo', join(this.#directory, 'repository'), '--keys', join(this.#directory, 'keys')];
    const release = ['--product', 'board', '--version', image.version, '--image', `rootfs=${image.path}`];
    await runSilt(['publish', ...place, ...release, '--channel', 'stable', '--compression', 'zstd:3']);
    this.#say(`published ${image.version}, which ${BEHAVIOURS[behaviour]}`);
  }

  /** Starts the machine; @param what the row says of it */
  async start(story: number, what: string, expected: Expected): Promise<Ended> {
    const number = this.rows.length + 1;
    const log = join(this.#directory, `console-${number}.log`);
    const { steps, cutAt } = expected;
    const cut = new AbortController();
    this.#onPack = cutAt === 'fetch' ? () => cut.abort() : undefined;
    const machine = { ...this.#machine, limit: this.#limit() };
    const ended = await start(machine, {
      steps: steps.split(' '),
      log,
      cut: cut.signal,
      ...(cutAt instanceof RegExp && { cutAt: (line: string) => cutAt.test(line) }),
    });
    this.#say(`${number}. ${what}: ${ended.how}, ${ended.seconds.toFixed(1)} s`);
    const version = this.#image(expected.version).version;
    const began = new RegExp(
      `^qemu: started slot=${expected.slot} version=${version.replaceAll('.', '\\.')}$`,
    );
    requireLines(ended.lines, [began, ...(expected.says ?? [])], `start ${number} (${what}), see ${log}`);
    if (ended.how !== expected.how) {
      throw new Error(`start ${number} (${what}): expected ${expected.how}, found ${ended.how}; see ${log}`);
    }
    this.rows.push({ story, what, expected, seconds: ended.seconds });
    return ended;
  }

  /** Looks at GRUB's variables, such as `ORDER=B A`. */
  async requireGrub(...variables: readonly string[]): Promise<void> {
    const found = await readGrubVariables(this.#machine.disk);
    for (const variable of variables) {
      const [name = '', value] = variable.split('=');
      require(found.get(name) === value, `GRUB's ${variable}`, `${name}=${found.get(name)}`);
    }
  }

  /** The slot holds the image of this version, every byte. */
  async requireSlot(slot: 'A' | 'B', version: number): Promise<void> {
    const holds = await slotHolds(this.#machine.disk, slot, this.#image(version).path);
    require(holds, `slot ${slot} to hold ${this.#image(version).version}`, 'other bytes');
  }

  /** The Floor. The data partition must have been unmounted. */
  async requireFloor(version: number): Promise<void> {
    const { disk } = this.#machine;
    const floor = JSON.parse((await readData(disk, '/silt/floor/board.a')).toString()) as {
      counter: number;
    };
    require(floor.counter === version, `the Floor to be ${version}`, String(floor.counter));
  }

  #image(version: number): RootImage {
    const image = this.#images[version - 1];
    if (image === undefined) throw new Error(`version ${version} has not been made`);
    return image;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}

export interface LabOptions {
  readonly directory: string;
  readonly maker: ImageMaker;
  readonly accelerator: Machine['accelerator'];
  /** The longest that the next start may take, in seconds. @throws Error when there is no time left at all */
  readonly limit: () => number;
  readonly say: (line: string) => void;
}

const BEHAVIOURS: Readonly<Record<Behaviour, string>> = {
  healthy: 'works',
  unhealthy: 'comes up and is not healthy',
  panics: 'never comes up',
};

function require(holds: boolean, expected: string, found: string): void {
  if (!holds) throw new Error(`expected ${expected}, found ${found}`);
}

/** @throws Error unless there is a line for each, in this order */
function requireLines(lines: readonly string[], wanted: readonly RegExp[], where: string): void {
  let at = 0;
  for (const pattern of wanted) {
    const next = lines.slice(at).findIndex((line) => pattern.test(line));
    if (next === -1)
      throw new Error(`${where}: expected a line like ${pattern}, found none after line ${at}`);
    at += next + 1;
  }
}
