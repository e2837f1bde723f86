#!/usr/bin/env bash
# A slim Debian with Python as a local image, for the container tests:  .ci/base-image.sh NAME
# Needs root, debootstrap and podman, and no image registry. Does nothing where NAME is there.
set -euo pipefail

name=$1
suite=bookworm # Debian 12: Python 3.11, and the libraries of most vendors' images

if podman image exists "$name"; then
    exit 0
fi

# The mirror that this machine's own apt uses for the suite; without one, debootstrap's default.
mirror=""
if command -v apt-get >/dev/null; then
    mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        awk -v suite="$suite" '$1 == suite { print $2; exit }')
fi

# /var/tmp, not /tmp: the tree holds device nodes and 300 MB, and /tmp may be small and nodev
root=$(mktemp -d /var/tmp/common-ml-base.XXXXXX)
trap 'rm -rf "$root"' EXIT

debootstrap --variant=minbase \
    --include=python3,python3-pip,python3-venv,ca-certificates,tar \
    "$suite" "$root" ${mirror:+"$mirror"} >&2
tar -C "$root" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' -c . |
    podman import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' - "$name" >&2
