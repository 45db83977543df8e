#!/bin/sh
# The filing cabinet on OpenSSH's own server, from Debian's packages. Run it anywhere; further words go to pytest.
# The server runs for each test, on a port of this machine and with a key of its own, and leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."

if [ ! -x /usr/sbin/sshd ] || [ ! -x /usr/lib/openssh/sftp-server ]; then
    if [ "$(id -u)" != 0 ]; then
        echo "OpenSSH's server is not installed. Run: sudo apt-get install openssh-server openssh-sftp-server" >&2
        exit 1
    fi
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends openssh-server openssh-sftp-server >/dev/null
fi

.venv/bin/python -m pytest tests/component/files/test_cabinet_servers.py "$@"
