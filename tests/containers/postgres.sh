#!/bin/sh
# What the official image does with these variables, by Debian's server.
set -eu
data=/var/lib/postgresql/data
as_server="setpriv --reuid=postgres --regid=postgres --init-groups"
chown postgres: "$data" /var/run/postgresql
if [ ! -s "$data/PG_VERSION" ]; then
    install --owner=postgres --mode=0400 "$POSTGRES_PASSWORD_FILE" /tmp/password
    # shellcheck disable=SC2086 # lists
    $as_server initdb --pgdata="$data" --username="$POSTGRES_USER" --pwfile=/tmp/password \
        --auth-local=trust --auth-host=scram-sha-256 $POSTGRES_INITDB_ARGS
    rm /tmp/password
    echo "host all all all scram-sha-256" >>"$data/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB" | $as_server postgres --single -D "$data" postgres
fi
exec $as_server postgres -D "$data" -c listen_addresses='*'
