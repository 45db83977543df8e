#!/bin/sh
# What Synapse with workers needs of Debian: a database, what its processes hear of each other by, a proxy, and what its
# driver for PostgreSQL is built with.
set -eu
packages="postgresql redis-server nginx-light libpq-dev gcc"
# shellcheck disable=SC2086 # a list
if dpkg-query --show $packages >/dev/null 2>&1; then
    exit 0
fi
if [ "$(id -u)" != 0 ]; then
    echo "Packages are missing. Run: sudo apt-get install $packages" >&2
    exit 1
fi
# shellcheck disable=SC2086
apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $packages >/dev/null
