#!/bin/bash
# Make pairs from Debian 12, before and after its updates:
#   ext4.old/.new        a 900 MiB ext4 image of a small server's root file system
#   erofs.old/.new       the same two trees as lz4hc-compressed erofs
#   squashfs.old/.new    the same as zstd-compressed squashfs, in blocks of 128 KiB
#   rootfs-tar.old/.new  the same as tars
#   kernel.old/.new      tars of the modules of two consecutive kernel packages
# "old" is the point release (suite bookworm alone), "new" has bookworm-updates and
# bookworm-security on top and only the newest kernel, as an image build leaves it.
# Both members of a pair come from one run, and what is there already is kept: pairs made in
# one run are of the same trees, those of another day differ by what Debian updated between.  Needs root, an apt configured with these
# suites, and 6 GB in OUTDIR, on a file system that may hold device nodes.
#   usage: debian.sh [OUTDIR [PAIR...]]     (default ${SILT_CORPUS:-$HOME/.cache/silt-corpus}, all pairs)
set -euo pipefail
out=${1:-${SILT_CORPUS:-$HOME/.cache/silt-corpus}}
pairs=("${@:2}")
((${#pairs[@]})) || pairs=(ext4 erofs squashfs rootfs-tar kernel)
suite=bookworm size=900M
packages=(systemd openssh-server python3 curl nginx-light openssl linux-image-amd64)
epoch=1795219200          # 2026-11-21: no time in the images is later than this
uuid=5117c0de-0000-4000-8000-000000000001 seed=5117c0de-0000-4000-8000-000000000002

export PATH=$PATH:/usr/sbin:/sbin LC_ALL=C TZ=UTC
export SOURCE_DATE_EPOCH=$epoch E2FSPROGS_FAKE_TIME=$epoch
die() { echo "debian.sh: $*" >&2; exit 1; }
cannot() { echo "$*" >&2; exit 69; }    # this machine is not fit for it, as make.ts understands it
missing=()
for pair in debootstrap:debootstrap mkfs.erofs:erofs-utils mke2fs:e2fsprogs mksquashfs:squashfs-tools \
    dpkg-deb:dpkg xz:xz-utils tar:tar unshare:util-linux; do
  command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
done
((!${#missing[@]})) || cannot "tools are missing; install them: apt-get install ${missing[*]}"
((EUID == 0)) || cannot "it needs root"

# a mount namespace of our own: no mount outlives this script
[[ -n ${SILT_CORPUS_NS-} ]] || SILT_CORPUS_NS=1 exec unshare --mount --propagation private "$BASH" "$0" "$out" "${pairs[@]}"
want=()
mkdir -p "$out"; out=$(cd "$out" && pwd)
for p in "${pairs[@]}"; do
  [[ $p =~ ^(ext4|erofs|squashfs|rootfs-tar|kernel)$ ]] || die "expected ext4, erofs, squashfs, rootfs-tar or kernel, found $p"
  if [[ -e $out/$p.old && -e $out/$p.new ]]; then echo "$p: there already"; else want+=("$p"); fi
done
((${#want[@]})) || exit 0

work=$(mktemp -d "$out/.debian.XXXXXX")
a=$work/a b=$work/b
trap 'umount "$a/proc" "$b/proc" 2>/dev/null || :; rm -rf --one-file-system "$work"' EXIT
say() { printf '%4d s  %s\n' "$SECONDS" "$*"; }
wants() { [[ " ${want[*]} " == *" $1 "* ]]; }
logged() { "$@" >>"$work/log" 2>&1 </dev/null || { tail -n 40 "$work/log" >&2; return 1; }; }
in_tree() {
  logged chroot "$1" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C \
    DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH=$epoch "${@:2}"
}
mirror() { # LABEL: where this machine's apt takes Debian from
  apt-get indextargets --format '$(SITE)' "Label: $1" 'Created-By: Packages' | sed -n 1p
}
kernel_of() { dpkg-query --admindir="$1/var/lib/dpkg" -Wf '${Depends}' linux-image-amd64 | grep -o 'linux-image-[0-9][^ ,]*'; }
main=$(mirror Debian) security=$(mirror Debian-Security)
[[ -n $main && -n $security ]] || cannot "apt here has no Debian and Debian-Security lists (apt-get update?)"

say "tree old: debootstrap"
logged debootstrap --variant=minbase "$suite" "$a" "$main"
echo "deb $main $suite main" >"$a/etc/apt/sources.list"
printf '#!/bin/sh\nexit 101\n' >"$a/usr/sbin/policy-rc.d"; chmod 755 "$a/usr/sbin/policy-rc.d" # starts no daemon
mount -t proc proc "$a/proc"
in_tree "$a" apt-get update
in_tree "$a" apt-get -y --no-install-recommends install "${packages[@]}"
umount "$a/proc"

say "tree new: dist-upgrade"
cp -a "$a" "$b"
printf 'deb %s %s main\n' "$main" "$suite-updates" "$security" "$suite-security" >>"$b/etc/apt/sources.list"
mount -t proc proc "$b/proc"
in_tree "$b" apt-get update
# A kernel of another ABI renames and rebuilds every module, which would drown all the other updates:
# the kernel pair stands for that.  SILT_CORPUS_KERNEL=upgrade takes it along all the same.
[[ ${SILT_CORPUS_KERNEL-} == upgrade ]] || in_tree "$b" apt-mark hold linux-image-amd64
in_tree "$b" apt-get -y --no-install-recommends dist-upgrade
[[ ${SILT_CORPUS_KERNEL-} == upgrade ]] || in_tree "$b" apt-mark unhold linux-image-amd64
ka=$(kernel_of "$a") kb=$(kernel_of "$b")
[[ $ka == "$kb" ]] || in_tree "$b" apt-get -y purge "$ka"
in_tree "$b" apt-get -y autoremove --purge

if wants kernel; then # the point release's kernel and the one after it (if none, the one before it)
  mapfile -t all < <(chroot "$b" apt-cache pkgnames linux-image-6 | grep -Ex 'linux-image-[0-9.]+-[0-9]+-amd64' | sort -V)
  for i in "${!all[@]}"; do [[ ${all[i]} != "$ka" ]] || at=$i; done
  ((at + 1 < ${#all[@]})) || at=$((at - 1))
  ((at >= 0)) || die "only one kernel package to be had"
  for m in "old ${all[at]}" "new ${all[at + 1]}"; do
    read -r name pkg <<<"$m"; say "kernel.$name: $pkg"
    in_tree "$b" sh -c "cd /tmp && apt-get -o APT::Sandbox::User=root download $pkg"
    dpkg-deb -x "$b"/tmp/"$pkg"_*.deb "$work/k"
    find "$work/k/lib/modules" -name '*.ko.xz' -exec xz -d {} +
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$work/k" -cf "$work/kernel.$name" lib/modules
    rm -r "$work/k" "$b"/tmp/*.deb
  done
fi
umount "$b/proc"

for name in old new; do
  src=$a t=$work/$name
  [[ $name == old ]] || src=$b
  (cd "$src" && rm -rf usr/sbin/policy-rc.d var/cache/{apt,ldconfig}/* var/cache/debconf/*-old var/lib/apt/lists/* \
    var/lib/dpkg/*-old var/lib/dbus/machine-id var/lib/systemd/{random-seed,credential.secret} etc/ssh/ssh_host_* \
    etc/{passwd,group,shadow,gshadow,subuid,subgid}- etc/.pwd.lock tmp/* run/*
  find var/log -type f -delete
  : >etc/machine-id; : >etc/resolv.conf; echo debian >etc/hostname)
  mkdir "$t"
  tar --sort=name --xattrs --xattrs-include='*' -C "$src" -cf - . | tar --xattrs --xattrs-include='*' -C "$t" -xpf -
  rm -rf --one-file-system "$src"
  find "$t" -newermt "@$epoch" -exec touch -h -d "@$epoch" {} +
  say "tree $name: $(du -sm "$t" | cut -f1) MiB, $(find "$t" | wc -l) files, $(cd "$t/boot" && echo vmlinuz*)"
  if wants ext4; then
    mke2fs -q -t ext4 -d "$t" -U $uuid -E hash_seed=$seed,lazy_itable_init=0,root_owner=0:0 \
      -O ^metadata_csum_seed "$work/ext4.$name" $size >/dev/null
    # mke2fs -d takes over the copies' access and change times: make them all alike
    used=$(dumpe2fs -h "$work/ext4.$name" 2>/dev/null | awk '/^Inode count/ {n = $3} /^Free inodes/ {print n - $3}')
    for i in 2 $(seq 11 "$used"); do printf 'sif <%d> %s @%d\n' "$i" atime $epoch "$i" ctime $epoch; done |
      debugfs -w -f - "$work/ext4.$name" >/dev/null 2>&1
    e2fsck -fn "$work/ext4.$name" >/dev/null 2>&1 || die "e2fsck finds fault with ext4.$name"
  fi
  if wants erofs; then mkfs.erofs -zlz4hc -T$epoch -U$uuid "$work/erofs.$name" "$t" >/dev/null; fi
  # times are capped by SOURCE_DATE_EPOCH here
  if wants squashfs; then logged mksquashfs "$t" "$work/squashfs.$name" -comp zstd -noappend -no-progress; fi
  if wants rootfs-tar; then
    tar --sort=name --numeric-owner --xattrs --xattrs-include='*' --format=posix \
      --pax-option='exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime' -C "$t" -cf "$work/rootfs-tar.$name" .
  fi
done
for p in "${want[@]}"; do
  for name in old new; do mv "$work/$p.$name" "$out/$p.$name"; say "$p.$name: $(stat -c %s "$out/$p.$name") bytes"; done
done
