"""Servers to file to, as firms have them: OpenSSH's for SFTP, and one for WebDAV. Each is started for one test."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncssh
import psutil
import pytest
from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp

from tests.ports import free_port

_SFTP_SERVERS = ("/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/lib/ssh/sftp-server")
App = Callable[[Any, Any], Any]


class Sshd:
    """OpenSSH on a port of this machine, with a key of its own, and what is running of it."""

    def __init__(self, folder: Path, sshd: str, sftp_server: str) -> None:
        self.root = folder / "shared"
        self.root.mkdir(parents=True)
        self.port = free_port()
        self._key = folder / "user_key"
        self._host = asyncssh.generate_private_key("ssh-ed25519")
        user = asyncssh.generate_private_key("ssh-ed25519")
        for name, key in (("host_key", self._host), ("user_key", user)):
            (folder / name).write_bytes(key.export_private_key())
            (folder / name).chmod(0o600)
        (folder / "authorized").write_bytes(user.export_public_key())
        config = folder / "sshd_config"
        config.write_text(
            f"ListenAddress 127.0.0.1:{self.port}\nHostKey {folder}/host_key\nAuthorizedKeysFile {folder}/authorized\n"
            f"PidFile none\nStrictModes no\nUsePAM no\nLogLevel ERROR\nSubsystem sftp {sftp_server}\n"
        )
        if os.getuid() == 0:
            # Debian's sshd wants it, and only the system's own start makes it.
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self._process = psutil.Popen([sshd, "-D", "-e", "-f", str(config)], stderr=subprocess.DEVNULL)
        _wait_for(self.port, lambda: self._process.poll() is None)

    @property
    def settings(self) -> dict[str, Any]:
        """What the section `filing` of a configuration says of it."""
        return self._settings({})

    @property
    def known(self) -> dict[str, Any]:
        """The same, and what its key is."""
        return self._settings({"known_hosts": self._known_hosts("known", self._host)})

    @property
    def mistaken(self) -> dict[str, Any]:
        """The same, and the key of another."""
        return self._settings(
            {"known_hosts": self._known_hosts("mistaken", asyncssh.generate_private_key("ssh-ed25519"))}
        )

    def _settings(self, more: dict[str, Any]) -> dict[str, Any]:
        options = {"port": self.port, "username": getpass.getuser(), "client_keys": [str(self._key)], **more}
        return {"url": f"sftp://127.0.0.1{self.root}", "options": json.dumps(options)}

    def _known_hosts(self, name: str, key: asyncssh.SSHKey) -> str:
        file = self._key.with_name(name)
        file.write_bytes(f"[127.0.0.1]:{self.port} ".encode() + key.export_public_key())
        return str(file)

    def all(self) -> list[psutil.Process]:
        """Every process of it: the listener, and those of each connection."""
        return [self._process, *self._process.children(recursive=True)]

    def freeze(self) -> None:
        """Let nothing of it answer. Connections stay as they are."""
        for process in self.all():
            process.suspend()

    def thaw(self) -> None:
        for process in self.all():
            process.resume()

    def stop(self) -> None:
        for process in reversed(self.all()):
            # One of a connection may have ended by itself meanwhile.
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.wait(10)


@contextmanager
def openssh(folder: Path) -> Iterator[Sshd]:
    """OpenSSH's own server; the test is left out where it is not installed."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    sftp_server = next((path for path in _SFTP_SERVERS if Path(path).exists()), None)
    if sshd is None or sftp_server is None:
        pytest.skip("OpenSSH's server is not installed: sudo apt-get install openssh-server openssh-sftp-server")
    server = Sshd(folder, sshd, sftp_server)
    try:
        yield server
    finally:
        server.stop()


class Dav:
    """A WebDAV server on a port of this machine. `answer` may be set to answer some requests otherwise."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "shared"
        self.root.mkdir(parents=True)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.answer: Callable[[str, str], str | None] = lambda method, path: None
        """Given a request's method and path, the status line to answer with, or None for what the server says."""
        config = {
            "provider_mapping": {"/": str(self.root)},
            "simple_dc": {"user_mapping": {"*": True}},
            "http_authenticator": {"domain_controller": None},
            "lock_storage": True,
            "property_manager": True,
            "verbose": 0,
            "logging": {"enable": False},
        }
        app: App = WsgiDAVApp(config)

        def wrapped(environ: Any, start_response: Any) -> Any:
            status = self.answer(environ["REQUEST_METHOD"], environ["PATH_INFO"])
            if status is None:
                return app(environ, start_response)
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start_response(status, [("Content-Length", "0")])
            return [b""]

        self._server = Server(("127.0.0.1", int(self.url.rpartition(":")[2])), wrapped, numthreads=8)
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()

    @property
    def settings(self) -> dict[str, Any]:
        """What the section `filing` of a configuration says of it."""
        return {"url": "webdav://cabinet", "options": f'{{"base_url": "{self.url}"}}'}

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(10)


@contextmanager
def webdav(folder: Path) -> Iterator[Dav]:
    server = Dav(folder)
    (server.root / "cabinet").mkdir()
    try:
        yield server
    finally:
        server.stop()


def _wait_for(port: int, runs: Callable[[], bool]) -> None:
    """Wait until something listens there."""
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert runs(), "the server ended at its start"
            time.sleep(0.02)
        else:
            return
