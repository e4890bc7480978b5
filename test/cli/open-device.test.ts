import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { deviceId } from '../../src/cli/device-id.ts';
import { openDevice } from '../../src/cli/open-device.ts';
import { sourceOpener, tlsFor } from '../../src/cli/open-source.ts';
import { FIRST_STATE } from '../../src/device/update/device-state.ts';
import { configIn, TWO_SLOTS } from '../support/configured-device.ts';
import { signedRepository } from '../support/signed-repository.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { throwsSilt } from '../support/throws-silt.ts';

const noLog = (): void => {};

test('the id is that of the configuration, or the first line of a file', async (t) => {
  const directory = await temporaryDirectory(t);
  const idFile = join(directory, 'id');
  const ask = () => deviceId({ id: undefined, idFile, hardware: undefined, variant: undefined });
  t.is(await deviceId({ id: 'gw-1', idFile: undefined, hardware: undefined, variant: undefined }), 'gw-1');
  for (const [content, id] of [
    ['0123abcd\n', '0123abcd'],
    ['serial:7\nmore\n', 'serial:7'],
    ['from-a-device-tree\0', 'from-a-device-tree'],
    ['  gw.2 \r\n', 'gw.2'],
  ] as const) {
    await writeFile(idFile, content);
    t.is(await ask(), id);
  }
  for (const content of ['', '\n', 'two words\n', '-x\n', `${'x'.repeat(129)}\n`, 'a\u001b[31m\n']) {
    await writeFile(idFile, content);
    const error = await throwsSilt(t, ask, 'CONFIG_INVALID');
    t.regex(error.message, /expected the id of this device in the first line of/);
  }
  await writeFile(idFile, 'x'.repeat(5000));
  await throwsSilt(t, ask, 'FORMAT_INVALID');
});

test('an id file that is not there is told with what to do', async (t) => {
  const directory = await temporaryDirectory(t);
  const config = configIn(directory, { device: 'device: { idFile: none }' });
  const error = await throwsSilt(t, () => openDevice(config, { env: {}, log: noLog }), 'CONFIG_INVALID');
  t.regex(error.message, /found nothing; write it there, or give device\.id/);
});

test('a device is opened without its slots, its boot loader and its state being there', async (t) => {
  const directory = await temporaryDirectory(t);
  const config = configIn(directory, {
    device: 'device: { id: gw-1, hardware: imx8 }',
    components: TWO_SLOTS,
    bootLoader: 'bootLoader: { type: uboot, fwEnvConfig: none, tries: 4 }',
    stateDirectory: 'stateDirectory: state',
  });
  const device = await openDevice(config, { env: {}, log: noLog });
  t.is(device.id, 'gw-1');
  t.is(device.bootTries, 4);
  t.deepEqual(
    device.components.map(({ name, image }) => [name, image]),
    [['rootfs', 'rootfs']],
  );
  t.deepEqual(await device.journal.read(), FIRST_STATE);
  t.is(await device.floor.read('gateway'), 0);
  await throwsSilt(t, async () => await device.bootLoader?.read(), 'CONFIG_INVALID');
});

test('a repository of the configuration is opened with its root of trust', async (t) => {
  const { directory: repository, root } = await signedRepository(t, { products: ['gateway'] });
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'root.json'), root);
  await symlink(repository, join(directory, 'repo'));
  const config = configIn(directory, {
    repositories: 'repositories: [repo]',
    stateDirectory: 'stateDirectory: state',
  });
  const source = await sourceOpener(config, {})(config.repositories[0]!);
  t.is(source.location, join(directory, 'repo'));
  t.is(
    source.contentKey(() => source.store),
    undefined,
  );
  // Signed by the keys of that root, and long ago.
  await throwsSilt(t, () => source.releases(source.store).find('gateway', { latest: true }), 'TRUST_EXPIRED');
  await source.close();
});

test('of several origins a header reaches the one that it is for, and no other', async (t) => {
  const { root } = await signedRepository(t, { products: ['gateway'] });
  const directory = await temporaryDirectory(t);
  await writeFile(join(directory, 'root.json'), root);
  const repositories = 'repositories: ["https://cdn.example.com/", "https://other.example.net/"]';
  const config = configIn(directory, { repositories });
  const file = join(directory, 'headers');
  const open = sourceOpener(config, { SILT_HTTP_HEADERS_FILE: file });
  await writeFile(file, 'Authorization: Bearer secret\n');
  for (const location of config.repositories) {
    t.regex((await throwsSilt(t, () => open(location), 'USAGE')).message, /which of the repositories/);
  }
  await writeFile(file, 'https://cdn.example.com\nAuthorization: Bearer secret\n');
  for (const location of config.repositories) await (await open(location)).close();
});

test('files that are missing are named by their members, not by options', async (t) => {
  const directory = await temporaryDirectory(t);
  const open = async (trust: string) => {
    const repositories = 'repositories: ["https://updates.example.com/"]';
    const config = configIn(directory, { repositories, trust: `trust: ${trust}` });
    const error = await throwsSilt(t, () => sourceOpener(config, {})(config.repositories[0]!), 'IO_FAILED');
    return /which (\S+) names/.exec(error.message)?.[1];
  };
  await writeFile(join(directory, 'there'), 'something');
  t.is(await open('{ root: none }'), 'trust.root');
  t.is(await open('{ policy: x509, anchors: none }'), 'trust.anchors');
  t.is(await open('{ policy: x509, anchors: there, intermediates: none }'), 'trust.intermediates');
  t.is(await open('{ policy: x509, anchors: there, crls: [none] }'), 'trust.crls');
  t.is(await open('{ root: there, tls: { ca: none } }'), 'trust.tls.ca');
  t.is(await open('{ root: there, tls: { cert: none, key: there } }'), 'trust.tls.cert');
  t.is(await open('{ root: there, tls: { cert: there, key: none } }'), 'trust.tls.key');
  t.is(await open('{ root: there, recipient: { cert: none, key: there } }'), 'trust.recipient.cert');
  t.is(await open('{ root: there, recipient: { cert: there, key: none } }'), 'trust.recipient.key');
});

test('TLS of the configuration is for https alone', async (t) => {
  const tls = { ca: undefined, pins: ['sha256//AA=='], cert: undefined, key: undefined };
  t.deepEqual(await tlsFor(tls, 'https://a/'), { pins: ['sha256//AA=='] });
  t.is(await tlsFor(tls, 'http://a/'), undefined);
  t.is(await tlsFor(tls, '/srv/repo'), undefined);
  t.is(await tlsFor({ ...tls, pins: [] }, 'https://a/'), undefined);
});
