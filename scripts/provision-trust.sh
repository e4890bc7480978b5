#!/bin/sh
# Installs what the tests hold trust against, unless it is already there: python-tuf, another TUF client and
# publisher, into SILT_TOOLS (by default ~/.cache/silt-tools), with Python 3.11 or later; and SoftHSM, an HSM in
# software, with what openssl needs to sign with it. What Debian or Ubuntu has comes by apt-get, as root or with sudo.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
tools=${SILT_TOOLS:-$HOME/.cache/silt-tools}

install_python_tuf() {
  venv=$tools/python-tuf
  wanted=$(sha256sum <"$here/python-tuf.txt")
  if [ "$(cat "$venv/requirements.sha256" 2>/dev/null)" = "$wanted" ]; then
    echo "python-tuf is already in $venv" >&2
    return
  fi
  # Debian's Python comes without what makes virtual environments.
  if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    sh "$here/apt-install.sh" "Python that makes virtual environments" python3 python3-venv
  fi
  rm -rf "$venv"
  mkdir -p "$tools"
  python3 -m venv "$venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
    --requirement "$here/python-tuf.txt"
  echo "$wanted" >"$venv/requirements.sha256"
  echo "python-tuf is in $venv" >&2
}

install_softhsm() {
  missing=
  for program in openssl softhsm2-util pkcs11-tool; do
    command -v "$program" >/dev/null || missing=$program
  done
  if [ -z "$missing" ] && openssl engine pkcs11 >/dev/null 2>&1; then
    echo "SoftHSM is already there: $(command -v softhsm2-util)" >&2
    return
  fi
  sh "$here/apt-install.sh" "SoftHSM" openssl softhsm2 opensc libengine-pkcs11-openssl
  echo "SoftHSM is at $(command -v softhsm2-util)" >&2
}

install_softhsm
install_python_tuf
