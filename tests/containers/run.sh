#!/bin/sh
# The images of synapse-dev/Dockerfile, by podman from Debian's packages.
#
# BASE names the image to begin from; without it a Debian is made by debootstrap, so that no registry is needed. What
# the compose files take from a registry otherwise is made of Debian's packages (Dockerfile here). BUILD_FLAGS are further
# words for `podman build`, where the package index is reached in a way of its own.
set -eu
cd "$(dirname "$0")/../.."
place=$PWD/var/containers
packages="podman netavark aardvark-dns iptables runc debootstrap"
# shellcheck disable=SC2086 # a list
if ! dpkg-query --show $packages >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
fi
mkdir -p "$place"

# Limits below those of any machine, which root may not raise everywhere; and runc, since crun refuses cgroups of both
# versions side by side.
cat >"$place/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=4096:4096"]
[engine]
runtime = "runc"
CONF
export CONTAINERS_CONF="$place/containers.conf"

if [ -z "${BASE:-}" ]; then
    BASE=localhost/firm-bridge-base
    if ! podman image exists "$BASE"; then
        rm -rf "$place/debian"
        debootstrap --variant=minbase bookworm "$place/debian" http://deb.debian.org/debian >"$place/debootstrap.log"
        rm -rf "$place/debian/var/cache/apt/archives" "$place/debian/var/lib/apt/lists"
        echo "deb http://deb.debian.org/debian-security bookworm-security main" >>"$place/debian/etc/apt/sources.list"
        tar -C "$place/debian" -c . | podman import --quiet - "$BASE"
        rm -rf "$place/debian"
    fi
fi

build() { # TARGET NAME, and further words
    target=$1 name=$2
    shift 2
    # shellcheck disable=SC2086 # words
    podman build --quiet --layers --isolation chroot --network host --build-arg BASE="$BASE" ${BUILD_FLAGS:-} \
        --target "$target" --tag "$name" "$@" >/dev/null
}
for pair in bridge:firm-bridge demo:firm-bridge-demo synapse:firm-bridge-synapse; do
    build "${pair%:*}" "${pair#*:}" --ignorefile synapse-dev/Dockerfile.dockerignore --file synapse-dev/Dockerfile .
done
for name in postgres redis nginx; do
    build "$name" "firm-bridge-standin-$name" tests/containers
done
podman images --filter reference='localhost/firm-bridge*' --format '{{.Repository}} {{.Size}}'
