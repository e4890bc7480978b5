/**
 * Conformance, delegations: TUF 1.0, §4.5 and §5.6.7. A title begins with the clause; what stands in brackets at
 * its end is the case of the public conformance suite that it covers.
 */
import test from 'ava';
import { isSiltError } from '../../../src/core/errors.ts';
import { throwsSilt } from '../../support/throws-silt.ts';
import { MAX_TARGET_BYTES, TufDevice } from '../../support/tuf-device.ts';
import { roleFileName, sha256, TufRepository } from '../../support/tuf-repository.ts';

const TOP_LEVEL = ['2.root', 'timestamp', '2.snapshot', '2.targets'];

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly paths?: string[];
  readonly terminating?: boolean;
}

/** `A>B` delegates everything from A to B, `A!B` terminates there, `A>B *.py` is of some paths only. */
function edges(...lines: string[]): Edge[] {
  return lines.map((line) => {
    const [, from = '', kind, to = '', paths] = /^(\w+)([>!])(\w+)(?: (.+))?$/.exec(line) ?? [];
    return {
      from,
      to,
      terminating: kind === '!',
      ...(paths === undefined ? {} : { paths: paths.split(' ') }),
    };
  });
}

function delegating(
  graph: readonly Edge[],
  targets: readonly (readonly [role: string, path: string])[] = [],
): TufRepository {
  const repository = new TufRepository();
  for (const { from, to, paths, terminating } of graph) {
    // One key a role, as in a repository where a role is one person.
    const key = repository.signers.get(to)?.[0];
    repository.delegate(from, to, {
      ...(paths === undefined ? {} : { paths }),
      ...(key === undefined ? {} : { key }),
      terminating: terminating ?? false,
    });
  }
  for (const [role, path] of targets) repository.addTarget(role, path, Buffer.from(`${path} by ${role}`));
  const roles = new Set(graph.map(({ to }) => to));
  repository.publish(...roles, 'targets', 'snapshot', 'timestamp');
  return repository;
}

const graphs: Readonly<
  Record<string, readonly [says: string, graph: readonly Edge[], visited: readonly string[]]>
> = {
  'basic-delegation': ['one role', edges('targets>A'), ['A']],
  'single-level-delegations': ['two roles in order', edges('targets>A', 'targets>B'), ['A', 'B']],
  'two-level-delegations': ['a role of a role', edges('targets>A', 'targets>B', 'B>C'), ['A', 'B', 'C']],
  'two-level-test-DFS-order-of-traversal': [
    'the roles of a role before its siblings',
    edges('targets>A', 'targets>B', 'A>C', 'A>D'),
    ['A', 'C', 'D', 'B'],
  ],
  'three-level-delegation-test-DFS-order-of-traversal': [
    'three levels down before the siblings',
    edges('targets>A', 'targets>B', 'A>C', 'C>D'),
    ['A', 'C', 'D', 'B'],
  ],
  'two-level-terminating-ignores-all-but-roles-descendants': [
    'nothing after a terminating delegation',
    edges('targets>A', 'targets>B', 'A!C', 'A>D'),
    ['A', 'C'],
  ],
  'three-level-terminating-ignores-all-but-roles-descendants': [
    'the roles of a terminating one, and nothing after',
    edges('targets>A', 'targets>B', 'A!C', 'C>D'),
    ['A', 'C', 'D'],
  ],
  'two-level-ignores-all-branches-not-matching-paths': [
    'no branch of other paths',
    edges('targets>A *.py', 'targets>B', 'A>C'),
    ['B'],
  ],
  'three-level-ignores-all-branches-not-matching-paths': [
    'no branch of other paths, one level down',
    edges('targets>A', 'targets>B', 'A>C *.py', 'C>D'),
    ['A', 'B'],
  ],
  'cyclic-graph': [
    'no role twice, in a circle',
    edges('targets>A', 'targets>B', 'B>C', 'C>D', 'D>B'),
    ['A', 'B', 'C', 'D'],
  ],
  'two-roles-delegating-to-a-third': [
    'no role twice, by two ways',
    edges('targets>A', 'targets>B', 'B>C', 'A>C'),
    ['A', 'C', 'B'],
  ],
  'two-roles-delegating-to-a-third-different-paths': [
    'a role by the way whose paths match',
    edges('targets>A', 'targets>B', 'B>C', 'A>C *.py'),
    ['A', 'B', 'C'],
  ],
};

for (const [name, [says, graph, visited]] of Object.entries(graphs)) {
  test(`TUF 5.6.7: the search visits ${says} (test_graph_traversal[${name}])`, async (t) => {
    const repository = delegating(graph);
    const device = new TufDevice(repository);
    t.is(await device.download('missingpath'), undefined);
    const asked = repository.askedFor();
    t.is(asked.length, 4 + visited.length);
    t.deepEqual(
      asked.slice(4),
      visited.map((role) => `1.${role}`),
    );
  });
}

test('TUF 5.6.7.2: the order is that of the delegations, whatever the roles are called', async (t) => {
  const repository = delegating(edges('targets>10', 'targets>B', 'targets>2', 'targets>1'));
  await new TufDevice(repository).download('missingpath');
  t.deepEqual(repository.askedFor().slice(4), ['1.10', '1.B', '1.2', '1.1']);
});

test('TUF 4.5: a hostile pattern of a delegation costs no time', async (t) => {
  const repository = delegating([{ from: 'targets', to: 'A', paths: [`${'*a'.repeat(200)}b`] }]);
  t.is(await new TufDevice(repository).download('a'.repeat(400)), undefined);
  t.is(repository.askedFor().length, 4);
});

const tree = edges(
  'targets>A *.doc *.md foo-?.tgz',
  'targets>B releases/*/*',
  'B>C releases/x/*',
  'B>D releases/y/*.zip',
);
const treeTargets = [
  ['targets', 'targetfile'],
  ['A', 'README.md'],
  ['A', 'releases/README.md'],
  ['A', 'foo-1.tgz'],
  ['A', 'foo-alpha.tgz'],
  ['C', 'releases/x/x_v1'],
  ['D', 'releases/y/y_v1.zip'],
  ['D', 'releases/z/z_v1.zip'],
] as const;

const searches: Readonly<
  Record<string, readonly [says: string, path: string, found: string | undefined, visited: readonly string[]]>
> = {
  'no delegations': ['what targets itself lists is found', 'targetfile', 'targets', []],
  'targetpath matches wildcard': ['a star matches within a name', 'README.md', 'A', ['A']],
  'targetpath with separators x': ['a pattern goes part by part', 'releases/x/x_v1', 'C', ['B', 'C']],
  'targetpath with separators y': [
    'a pattern of parts may end in a name',
    'releases/y/y_v1.zip',
    'D',
    ['B', 'D'],
  ],
  'targetpath is not delegated by all roles in the chain': [
    'a path that one on the way does not delegate is not found',
    'releases/z/z_v1.zip',
    undefined,
    ['B'],
  ],
  'wildcard does not match path separator': ['a star stops at a slash', 'releases/README.md', undefined, []],
  'targetpath matches question mark wildcard': [
    'a question mark matches one character',
    'foo-1.tgz',
    'A',
    ['A'],
  ],
  'targetpath does not match question mark wildcard': [
    'a question mark does not match five characters',
    'foo-alpha.tgz',
    undefined,
    [],
  ],
  'targetpath matching is case sensitive': ['upper and lower case differ', 'README.MD', undefined, []],
};

for (const [name, [says, path, found, visited]] of Object.entries(searches)) {
  test(`TUF 4.5: ${says} (test_targetfile_search[${name}])`, async (t) => {
    const repository = delegating(tree, treeTargets);
    const device = new TufDevice(repository);
    const bytes = await device.download(path);
    t.is(bytes && Buffer.from(bytes).toString(), found && `${path} by ${found}`);
    const roles = repository.askedFor().filter((key) => !key.startsWith('targets/'));
    t.deepEqual(roles, [...TOP_LEVEL, ...visited.map((role) => `1.${role}`)]);
  });
}

test('TUF 5.6.7: a role is held against whoever delegates to it this time (test_cached_role_is_verified_against_current_delegator)', async (t) => {
  const repository = new TufRepository();
  repository.delegate('targets', 'parent-a', { paths: ['team-a/*'] });
  repository.delegate('targets', 'parent-b', { paths: ['team-b/*'] });
  repository.delegate('parent-a', 'release', { paths: ['team-a/*'] });
  repository.delegate('parent-b', 'release', { paths: ['team-b/*'] });
  // Each parent lists a key of its own for the role; only the one that A lists signs it.
  repository.signers.get('release')?.pop();
  repository.addTarget('release', 'team-a/file', Buffer.from('trusted'));
  repository.addTarget('release', 'team-b/file', Buffer.from('not trusted'));
  repository.publish('release', 'parent-a', 'parent-b', 'targets', 'snapshot', 'timestamp');

  const device = new TufDevice(repository);
  for (const run of ['first', 'second']) {
    const trusted = await device.refresh();
    const target = await trusted.findTarget('team-a/file');
    t.truthy(target, run);
    if (target === undefined) return;
    t.is(Buffer.from(await trusted.readTarget(target, { maxBytes: MAX_TARGET_BYTES })).toString(), 'trusted');
    await throwsSilt(t, () => trusted.findTarget('team-b/file'), 'TRUST_UNKNOWN_KEY');
  }
});

test('TUF 5.6.7: a role that snapshot does not list is not asked for (test_delegation_not_in_snapshot)', async (t) => {
  const repository = new TufRepository();
  repository.delegate('targets', 'delegated', { paths: ['delegatedpath/*'] });
  repository.addTarget('delegated', 'delegatedpath/file', Buffer.from('content'));
  repository.publish('delegated', 'targets');
  delete repository.snapshot.meta['delegated.json'];
  repository.publish('snapshot', 'timestamp');

  const device = new TufDevice(repository);
  await device.refresh();
  repository.askedFor();
  const found = await device.download('delegatedpath/file').catch((error: unknown) => error);
  t.true(found === undefined || isSiltError(found));
  t.deepEqual(repository.askedFor(), ['2.root', 'timestamp']);
  t.false([...device.state.files.keys()].some((name) => name.includes('delegated')));
});

test('TUF 4.5: paths are delegated by the beginning of their hash', async (t) => {
  const prefixOf = (path: string): string => sha256(Buffer.from(path)).slice(0, 4);
  const repository = new TufRepository();
  repository.delegate('targets', 'bin', { prefixes: [prefixOf('one'), prefixOf('two')] });
  for (const path of ['one', 'two', 'three']) repository.addTarget('bin', path, Buffer.from(path));
  repository.publish('bin', 'targets', 'snapshot', 'timestamp');
  const device = new TufDevice(repository);
  t.is(Buffer.from((await device.download('one')) ?? []).toString(), 'one');
  t.is(Buffer.from((await device.download('two')) ?? []).toString(), 'two');
  t.is(await device.download('three'), undefined);
});

test('TUF 5.6.7.1: a search ends after so many roles', async (t) => {
  const names = Array.from({ length: 100 }, (_, n) => `role${n}`);
  const repository = delegating(
    names.map((to) => ({ from: 'targets', to })),
    [['role99', 'far']],
  );
  const device = new TufDevice(repository);
  t.is(await device.download('far').catch(() => undefined), undefined);
  t.true(repository.askedFor().length <= 40);
});

for (const role of ['?', '#', '/delegatedrole', '../delegatedrole']) {
  test(`TUF 3.1.1: a role called ${role} is asked for and kept under a safe name (test_unusual_role_name[${role}])`, async (t) => {
    const repository = new TufRepository();
    repository.delegate('targets', role);
    repository.addTarget('targets', 'other', Buffer.from(''));
    repository.publish(role, 'targets', 'snapshot', 'timestamp');

    const device = new TufDevice(repository);
    t.is(await device.download('missing'), undefined);
    t.deepEqual(repository.askedFor(), [...TOP_LEVEL, `1.${roleFileName(role)}`]);
    t.false([...device.state.files.keys()].some((name) => /[/\\]/.test(name) || name.startsWith('.')));
  });
}
