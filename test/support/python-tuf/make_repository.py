"""Makes a TUF repository with python-tuf: for tests that read what others make.

usage: make_repository.py DIRECTORY SHAPE YEAR

SHAPE is one of
  plain     ed25519 keys, consistent snapshots, one target
  mixed     a key of each type, thresholds of two, delegations two levels deep, hash prefixes, root rotated twice
  flat      no consistent snapshots, no hashes in the metadata
  expired   as plain, and timestamp expired in the year before
  unsigned  as plain, and snapshot lacks a signature
Everything else expires at the end of YEAR. Writes metadata/, targets/ and root.json, the first root.
"""

import sys
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

directory, shape, year = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
expires = datetime(year, 12, 31, tzinfo=timezone.utc)
consistent = shape != "flat"
mixed = shape == "mixed"

make = {
    "ed25519": CryptoSigner.generate_ed25519,
    "ecdsa": CryptoSigner.generate_ecdsa,
    "rsa": lambda: CryptoSigner.generate_rsa(size=2048),
}


def signers(*types):
    return [make[one]() for one in types]


def put(name, data):
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def publish(role, md, keys):
    md.signatures.clear()
    for key in keys:
        md.sign(key, append=True)
    data = md.to_bytes()
    bare = role == "timestamp" or (role != "root" and not consistent)
    put(f"metadata/{'' if bare else f'{md.signed.version}.'}{role}.json", data)
    if shape == "flat":
        return MetaFile(md.signed.version)
    return MetaFile(md.signed.version, len(data), {"sha256": sha256(data).hexdigest()})


def add_target(targets, path, data):
    target = TargetFile.from_data(path, data, ["sha256", "sha512"] if mixed else ["sha256"])
    targets.targets[path] = target
    folder, _, name = path.rpartition("/")
    for digest in target.hashes.values() if consistent else [""]:
        prefixed = f"{digest}.{name}" if digest else name
        put(f"targets/{folder}/{prefixed}" if folder else f"targets/{prefixed}", data)


every = ("ed25519", "ecdsa", "rsa") if mixed else ("ed25519",)
keys = {role: signers(*every) for role in ("root", "timestamp", "snapshot", "targets")}
threshold = 2 if mixed else 1

root = Root(expires=expires, consistent_snapshot=consistent)
for role, role_keys in keys.items():
    for key in role_keys:
        root.add_key(key.public_key, role)
    root.roles[role].threshold = threshold
root_md = Metadata(root)
publish("root", root_md, keys["root"])
put("root.json", root_md.to_bytes())
if mixed:
    # One key of root goes and one comes; then timestamp gets new keys.
    old = list(keys["root"])
    gone = keys["root"].pop(0)
    root.revoke_key(gone.public_key.keyid, "root")
    keys["root"] += signers("ed25519")
    root.add_key(keys["root"][-1].public_key, "root")
    root.version += 1
    publish("root", root_md, [*old, keys["root"][-1]])
    for key in keys["timestamp"]:
        root.revoke_key(key.public_key.keyid, "timestamp")
    keys["timestamp"] = signers("ecdsa", "ed25519")
    for key in keys["timestamp"]:
        root.add_key(key.public_key, "timestamp")
    root.version += 1
    publish("root", root_md, keys["root"])

snapshot = Snapshot(expires=expires)
targets = Targets(expires=expires)
add_target(targets, "hello.txt", b"hello from python-tuf\n")
if mixed:
    product, deep, hashed = (signers("ed25519", "ecdsa"), signers("rsa"), signers("ecdsa"))
    inner = Targets(expires=expires)
    add_target(inner, "product/deep/file.bin", bytes(range(256)))
    snapshot.meta["deep.json"] = publish("deep", Metadata(inner), deep)
    outer = Targets(expires=expires)
    add_target(outer, "product/file.txt", "grüße\n".encode())
    outer.delegations = Delegations({}, {"deep": DelegatedRole("deep", [], 1, True, ["product/deep/*"])})
    outer.add_key(deep[0].public_key, "deep")
    snapshot.meta["product.json"] = publish("product", Metadata(outer), product)
    prefix = sha256(b"hashed-target").hexdigest()[:3]
    bins = Targets(expires=expires)
    add_target(bins, "hashed-target", b"found by its hash\n")
    snapshot.meta["bins.json"] = publish("bins", Metadata(bins), hashed)
    targets.delegations = Delegations(
        {},
        {
            "product": DelegatedRole("product", [], 2, False, ["product/*", "product/*/*"]),
            "bins": DelegatedRole("bins", [], 1, False, None, [prefix]),
        },
    )
    for key in product:
        targets.add_key(key.public_key, "product")
    targets.add_key(hashed[0].public_key, "bins")
snapshot.meta["targets.json"] = publish("targets", Metadata(targets), keys["targets"])
timestamp = Timestamp(expires=expires)
if shape == "expired":
    timestamp.expires = datetime(year - 1, 12, 31, tzinfo=timezone.utc)
timestamp.snapshot_meta = publish("snapshot", Metadata(snapshot), [] if shape == "unsigned" else keys["snapshot"])
publish("timestamp", Metadata(timestamp), keys["timestamp"])
