#!/bin/sh
# sshfs 2026.8.0 with asyncssh 2.24.1 (PyPI), on OpenSSH's own sftp-server.
#
# fsspec's `open(path, "wb", block_size=N)` is documented as a size of buffering. sshfs takes it for the size of SFTP
# packets, whatever limits the server told (limits@openssh.com): with 8 MiB, a usual size elsewhere, every write of more
# than 256 KiB fails, because OpenSSH's server takes no longer packet and ends the session. Without a block_size the same
# bytes go in. asyncssh's own server takes such packets, so tests against that one do not show it.
#
# Seen:   block_size left out: 1048576 bytes written
#         block_size 8 MiB: not written
# Fails when that changes: then bridge/filing/kinds.py needs no exception for it.
set -eu
sftp_server=/usr/lib/openssh/sftp-server
for needed in /usr/sbin/sshd "$sftp_server"; do
    [ -x "$needed" ] || { echo "$needed is missing: apt-get install openssh-server openssh-sftp-server" >&2; exit 2; }
done
place=$(mktemp -d)
trap 'kill "$(cat "$place/pid" 2>/dev/null)" 2>/dev/null || true; rm -rf "$place"' EXIT
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check sshfs==2026.8.0 asyncssh==2.24.1 fsspec==2026.9.0
ssh-keygen -q -t ed25519 -N '' -f "$place/host"
ssh-keygen -q -t ed25519 -N '' -f "$place/user"
port=$("$place/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$place/config" <<END
ListenAddress 127.0.0.1:$port
HostKey $place/host
AuthorizedKeysFile $place/user.pub
PidFile $place/pid
StrictModes no
UsePAM no
Subsystem sftp $sftp_server
END
/usr/sbin/sshd -f "$place/config" -E "$place/log"
seen=$("$place/venv/bin/python" - "$port" "$place" <<'END'
import getpass
import sys

import fsspec

port, place = int(sys.argv[1]), sys.argv[2]
data = bytes(1 << 20)
for label, options in (("left out", {}), ("8 MiB", {"block_size": 8 << 20})):
    path = f"{place}/{label.replace(' ', '')}.bin"
    fs = fsspec.filesystem(
        "sftp", host="127.0.0.1", port=port, username=getpass.getuser(), client_keys=[f"{place}/user"],
        skip_instance_cache=True,
    )
    try:
        with fs.open(path, "wb", **options) as file:
            file.write(data)
        print(f"block_size {label}: {fs.size(path)} bytes written")
    except Exception:
        print(f"block_size {label}: not written")
END
)
echo "$seen"
[ "$seen" = "block_size left out: 1048576 bytes written
block_size 8 MiB: not written" ] || { echo "This is otherwise than it was." >&2; exit 1; }
