"""What Synapse with workers needs beside it, from Debian's packages: PostgreSQL, redis and nginx, in a folder."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import psycopg

from bridge.dev.place import ROOT, LocalFirm
from bridge.dev.processes import Program, start
from tests.ports import free_port

NGINX_CONF = ROOT / "synapse-dev" / "workers" / "nginx.conf"
_IS_ROOT = os.geteuid() == 0
_UPSTREAM = re.compile(r"upstream (\w+) \{.*?\}", re.DOTALL)


def missing() -> list[str]:
    """The packages of Debian that are not installed."""
    found = {"postgresql": _postgres_programs(), "redis-server": _which("redis-server"), "nginx-light": _which("nginx")}
    return [package for package, path in found.items() if path is None]


class Postgres:
    """A server of its own, with a database for Synapse. It runs as another user, which refuses to be root."""

    def __init__(self, folder: Path) -> None:
        """Start it."""
        programs = _postgres_programs()
        assert programs is not None
        self._control = str(programs / "pg_ctl")
        self.port = free_port()
        # A path of a socket is short, and others must be let through the folders above it.
        self._folder = Path("/tmp") / f"firm-bridge-postgres-{os.getpid()}-{self.port}"
        self._folder.mkdir(mode=0o700)
        if _IS_ROOT:
            shutil.chown(self._folder, "postgres")
        self._data = self._folder / "data"
        self._run(str(programs / "initdb"), "-D", str(self._data), *_INITDB)
        options = f"-c listen_addresses=127.0.0.1 -c port={self.port} -c fsync=off -c unix_socket_directories=''"
        log = self._folder / "log"
        self._run(self._control, "-D", str(self._data), "-l", str(log), "-w", "-o", options, "start")
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE synapse ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0")

    def add(self, database: str) -> str:
        """Make another database; its URL."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(database)))
        return self.url(database)

    def url(self, database: str = "synapse") -> str:
        """For psycopg."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def for_synapse(self) -> dict[str, object]:
        """Synapse's setting `database`."""
        args = {"user": "postgres", "dbname": "synapse", "host": "127.0.0.1", "port": self.port, "cp_max": 5}
        return {"name": "psycopg2", "args": args}

    def stop(self) -> None:
        """End it, and forget what it has."""
        self._run(self._control, "-D", str(self._data), "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _run(self, *command: str) -> None:
        user = pwd.getpwnam("postgres").pw_uid if _IS_ROOT else None
        # The server keeps what it was given for output, so nobody may wait for the end of that.
        done = subprocess.run(
            command,
            cwd=self._folder,
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        assert done.returncode == 0, command


_INITDB = ("-U", "postgres", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")


def start_redis(place: LocalFirm, port: int) -> Program:
    """Redis, through which Synapse's processes hear of each other."""
    command = [
        "/usr/bin/redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(place.var),
    ]
    return start("redis", "redis", command, place)


def start_nginx(place: LocalFirm, name: str, port: int, upstreams: dict[str, list[int]]) -> Program:
    """nginx with the very configuration of synapse-dev, on another port and for other addresses."""

    def here(found: re.Match[str]) -> str:
        return f"upstream {found[1]} {{{' '.join(f'server 127.0.0.1:{one};' for one in upstreams[found[1]])}}}"

    conf = _UPSTREAM.sub(here, NGINX_CONF.read_text(encoding="utf-8"))
    return _run_nginx(place, name, conf.replace("listen 8008;", f"listen 127.0.0.1:{port};"))


def start_bridges_nginx(place: LocalFirm, port: int, bridges: tuple[int, int], patience: int) -> Program:
    """nginx before several bridges as docs/admin-guide.md has it, which waits for one so long, in seconds."""
    guide = (ROOT / "docs" / "admin-guide.md").read_text(encoding="utf-8")
    (found,) = (one for one in re.findall(r"```nginx\n(.*?)```", guide, re.DOTALL) if "upstream bridge" in one)
    for written, here in (
        ("listen 9009;", f"listen 127.0.0.1:{port};"),
        ("10.0.0.5:9009", f"127.0.0.1:{bridges[0]}"),
        ("10.0.0.6:9009", f"127.0.0.1:{bridges[1]}"),
        ("read_timeout 10s;", f"read_timeout {patience}s;"),
    ):
        assert written in found
        found = found.replace(written, here)
    return _run_nginx(place, "bridges", f"events {{}}\nhttp {{\naccess_log off;\n{found}}}\n")


def _run_nginx(place: LocalFirm, name: str, conf: str) -> Program:
    folder = place.var / name
    folder.mkdir(exist_ok=True)
    paths = " ".join(
        f"{kind}_temp_path {folder / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(conf.replace("access_log off;", f"access_log off; {paths}"), encoding="utf-8")
    first = f"daemon off; pid {folder / 'pid'}; error_log stderr warn;{' user root;' if _IS_ROOT else ''}"
    command = [str(_which("nginx")), "-e", "stderr", "-p", str(folder), "-c", "nginx.conf", "-g", first]
    return start(f"nginx ({name})", name, command, place)


def _which(program: str) -> str | None:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: float(one.parent.name))
    return found[-1] if found else None
