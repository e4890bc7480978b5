"""Reads TUF repositories with python-tuf's client: a second opinion on what we make.

A job is a line of JSON on stdin: {"state": directory, "url": base, "targets": [path...]}. The directory holds
root.json, the trusted root, and keeps what is trusted; the base has metadata/ and targets/ below it. The answer
is a line of JSON on stdout: the SHA-256 of each target (null: there is no such target), or the error.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tuf.api.exceptions import DownloadError, RepositoryError
from tuf.ngclient import Updater


def read(job):
    state, url = Path(job["state"]), job["url"].rstrip("/")
    targets = {}
    with TemporaryDirectory() as downloads:
        # Without a root to begin with, what the state trusts is where it begins.
        updater = Updater(str(state), f"{url}/metadata/", downloads, f"{url}/targets/", bootstrap=None)
        updater.refresh()
        for path in job["targets"]:
            info = updater.get_targetinfo(path)
            data = None if info is None else Path(updater.download_target(info)).read_bytes()
            targets[path] = None if data is None else sha256(data).hexdigest()
    return {"targets": targets}


for line in sys.stdin:
    try:
        answer = read(json.loads(line))
    except (RepositoryError, DownloadError) as error:
        answer = {"refused": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
