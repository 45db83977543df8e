#!/bin/sh
# Component tests on PostgreSQL: a throw-away server on a socket of its own, from Debian's package postgresql.
# Run it anywhere, with the words for pytest: which tests. Leaves nothing behind. MODULE is what runs in the place of
# pytest, such as a benchmark, for which FSYNC=on has commits wait for the disk.
set -eu
cd "$(dirname "$0")/.."

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$bin" ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "PostgreSQL's server is not installed. Run: sudo apt-get install postgresql" >&2
        exit 1
    fi
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null
    bin=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
fi

place=$(mktemp -d)
# The server refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    chown postgres "$place"
    as_server="runuser -u postgres --"
else
    as_server=""
fi

stop() {
    $as_server "$bin/pg_ctl" -D "$place/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$place"
}
trap stop EXIT
trap 'exit 1' INT TERM

(
    cd "$place"
    $as_server "$bin/initdb" -D "$place/data" -U postgres -A trust --no-sync >"$place/initdb.log" 2>&1 ||
        { cat "$place/initdb.log" >&2; exit 1; }
    $as_server "$bin/pg_ctl" -D "$place/data" -l "$place/server.log" -w start \
        -o "-c listen_addresses='' -c fsync=${FSYNC:-off} -c unix_socket_directories='$place'" >/dev/null ||
        { cat "$place/server.log" >&2; exit 1; }
)

# As after a crash: what was not waited for is lost.
FIRM_BRIDGE_TEST_RESTART="cd $place && $as_server $bin/pg_ctl -D $place/data -l $place/server.log -m immediate -w restart" \
FIRM_BRIDGE_TEST_DATABASE="postgresql://postgres@/postgres?host=$place" \
    .venv/bin/python -m "${MODULE:-pytest}" "$@"
