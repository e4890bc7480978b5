/**
 * Holds the import lines of src to the map in ../shared/DESIGN.md §2: an arrow means "may import", nothing
 * else may.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const src = fileURLToPath(new URL('../src', import.meta.url));

/** Which folders each folder may import besides itself. */
const map: Readonly<Record<string, readonly string[] | 'everything'>> = {
  core: [],
  kernel: ['core'],
  chunker: ['core', 'kernel'],
  delta: ['core', 'kernel'],
  format: ['core'],
  io: ['core'],
  // Of formats only that of remnants, which a store shows as the packs that they are left of.
  store: ['core', 'io', 'format'],
  server: ['core', 'io', 'store'],
  trust: ['core', 'format', 'io'],
  pool: ['core', 'kernel', 'chunker', 'delta', 'format', 'io'],
  differ: ['core', 'kernel', 'chunker', 'delta', 'format', 'io', 'pool'],
  publisher: ['core', 'kernel', 'chunker', 'delta', 'differ', 'format', 'io', 'store', 'trust', 'pool'],
  // Plans as a device does what a publisher has stored, so it is the one place that knows both.
  costs: ['core', 'format', 'io', 'store', 'trust', 'publisher', 'fetcher'],
  fetcher: ['core', 'kernel', 'chunker', 'delta', 'format', 'io', 'store', 'trust'],
  device: ['core', 'io', 'format', 'store', 'trust', 'fetcher'],
  gateway: ['device', 'fetcher', 'store', 'trust'],
  fleet: ['core', 'format', 'trust', 'store'],
  compare: ['core', 'io', 'server'],
  cli: 'everything',
};

/** The only files that may import a package. */
const packages: Readonly<Record<string, RegExp>> = {
  '@aws-sdk/client-s3': /^store\/s3(-[a-z]+)?\.ts$/,
  '@tufjs/models': /^trust\/(tuf|ledger)\//,
  asn1js: /^trust\/(x509|seal)\//,
  bullmq: /^publisher\/jobs\/redis-[a-z]+\.ts$/,
  commander: /^cli\//,
  ioredis: /^publisher\/jobs\/redis-[a-z]+\.ts$/,
  piscina: /^pool\//,
  pkijs: /^trust\/(x509|seal)\//,
  tar: /^device\/installers\//,
  undici: /^store\/(http(-[a-z]+)?|network-error)\.ts$/,
  valibot: /^(format|trust|device)\//,
  yaml: /^device\//,
};

/** A lock asks whether its owner still lives; a group of processes is killed by its number. */
const MAY_USE_PROCESS = /^(cli\/|io\/(lock-file|run-command)\.ts$|compare\/run-group\.ts$)/;

const MAX_LINES = 300;

interface Source {
  /** From src, with slashes. */
  readonly path: string;
  readonly text: string;
  /** Code without comments, for words that may not be used. */
  readonly code: string;
  readonly imports: readonly string[];
}

const sources: readonly Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => {
    const text = readFileSync(join(src, path), 'utf8');
    const code = withoutComments(text);
    return { path, text, code, imports: importsOf(code) };
  });

/** Static imports and re-exports, types included, and dynamic ones. */
function importsOf(code: string): string[] {
  const statements = code.matchAll(
    /^(?:import\s+(?:[^;'"]*?\bfrom\s*)?|export\s+(?:type\s+)?[{*][^;'"]*?\bfrom\s*)['"]([^'"]+)['"]/gm,
  );
  const calls = code.matchAll(/\bimport\(\s*['"]([^'"]+)['"]/g);
  return [...statements, ...calls].map((match) => match[1] as string);
}

function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
}

const folderOf = (path: string): string => path.split('/', 1)[0] ?? '';
const isRelative = (specifier: string): boolean => specifier.startsWith('.');
const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');

/** The file in src that a relative import names. */
function resolved(source: Source, specifier: string): string {
  return relative(src, join(src, dirname(source.path), specifier));
}

/** Says `problem` for every source and import that has one. */
function breaches(problem: (source: Source, specifier: string) => string | undefined): string[] {
  return sources.flatMap((source) =>
    source.imports.flatMap((specifier) => {
      const found = problem(source, specifier);
      return found === undefined ? [] : [`${source.path}: ${found}`];
    }),
  );
}

test('the import lines are found', (t) => {
  t.true(sources.length > 50);
  const example = [
    "import a, {\n  type B,\n} from './b.ts';",
    "import 'node:fs';",
    "export { c } from './c.ts';",
    "const d = await import('./d.ts');",
    "// import e from './e.ts';",
  ].join('\n');
  t.deepEqual(importsOf(withoutComments(example)), ['./b.ts', 'node:fs', './c.ts', './d.ts']);
});

test('every folder of src is on the map', (t) => {
  t.deepEqual(
    [...new Set(sources.map(({ path }) => folderOf(path)))].filter((folder) => !(folder in map)),
    [],
  );
});

test('a folder imports only what the map lets it', (t) => {
  const found = breaches((source, specifier) => {
    if (!isRelative(specifier)) return undefined;
    const [from, to] = [folderOf(source.path), folderOf(resolved(source, specifier))];
    const allowed = map[from];
    if (from === to || allowed === 'everything' || allowed?.includes(to)) return undefined;
    return `${from} may not import ${specifier}`;
  });
  t.deepEqual(found, []);
});

test('relative imports name the file, with its extension', (t) => {
  const known = new Set(sources.map(({ path }) => path));
  const found = breaches((source, specifier) => {
    const named = !isRelative(specifier) || known.has(resolved(source, specifier));
    return named ? undefined : `there is no ${specifier}`;
  });
  t.deepEqual(found, []);
});

test('a package is imported only where it belongs', (t) => {
  const found = breaches((source, specifier) => {
    if (isRelative(specifier)) return undefined;
    if (specifier.startsWith('node:')) return undefined;
    if (builtinModules.includes(specifier)) return `write node:${specifier}`;
    return packages[packageOf(specifier)]?.test(source.path) ? undefined : `may not import ${specifier}`;
  });
  t.deepEqual(found, []);
});

test('only store/open.ts loads the S3 store, and only when asked', (t) => {
  const isS3 = (path: string): boolean => /^store\/s3(-[a-z]+)?\.ts$/.test(path);
  const importers = sources
    .filter((source) => !isS3(source.path))
    .filter(({ imports, ...source }) =>
      imports.some((specifier) => isRelative(specifier) && isS3(resolved({ ...source, imports }, specifier))),
    );
  t.deepEqual(
    importers.map(({ path }) => path),
    ['store/open.ts'],
  );
  t.regex(importers[0]?.code ?? '', /await import\('\.\/s3\.ts'\)/);
  t.notRegex(importers[0]?.code ?? '', /from '\.\/s3/);
});

test('only the commands for jobs load what speaks to Redis, and only when asked', (t) => {
  const isRedis = (path: string): boolean => /^publisher\/jobs\/redis-[a-z]+\.ts$/.test(path);
  const importers = sources.filter(
    (source) =>
      !isRedis(source.path) &&
      source.imports.some((specifier) => isRelative(specifier) && isRedis(resolved(source, specifier))),
  );
  t.deepEqual(
    importers.map(({ path }) => path),
    ['cli/commands/jobs.ts', 'cli/job-options.ts'],
  );
  for (const { code } of importers) t.notRegex(code, /^(import|export)(?! type )[^;]*\/redis-[a-z]+\.ts'/m);
});

test('only the command line touches process and console', (t) => {
  const found = sources
    .filter(({ path }) => !MAY_USE_PROCESS.test(path))
    .filter(
      ({ code, imports }) =>
        /(?<![.\w'"])(process|console)\s*[.[]/.test(code) ||
        imports.some((specifier) => /^(node:)?(process|console)$/.test(specifier)),
    )
    .map(({ path }) => path);
  t.deepEqual(found, []);
});

test(`no file is longer than ${MAX_LINES} lines`, (t) => {
  const long = sources.filter(({ text }) => text.trimEnd().split('\n').length > MAX_LINES);
  t.deepEqual(
    long.map(({ path }) => path),
    [],
  );
});

test('a file is named for what it holds', (t) => {
  const names = sources.map(({ path }) => path);
  t.deepEqual(
    names.filter((path) => /^(utils?|helpers?|index|common|misc)\.ts$/.test(basename(path))),
    [],
  );
  t.deepEqual(
    names.filter((path) => !/^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.ts$/.test(path)),
    [],
  );
});

test('every file says at its head what it is', (t) => {
  const bare = sources.filter(({ path, text }) => {
    const head = text.replace(/^#!.*\n/, '');
    return !path.endsWith('.d.ts') && !/^\/\*\*[\s\S]*?@module\s*\*\//.test(head);
  });
  t.deepEqual(
    bare.map(({ path }) => path),
    [],
  );
});
