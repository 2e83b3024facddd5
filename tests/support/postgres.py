"""A PostgreSQL server for tests, run by an ordinary user on this machine and shared by all workers; each has a
database of its own. Run as a program, it ends a server when nobody uses it any more, however its users ended."""

import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import filelock
import psycopg
import pytest
import trustme

from klarna24.state.copying import TABLES

NOBODY = 65534
USER = "klarna24"  # may make a schema in its database, and nothing more
HBA = "local all all trust\nhost all trusted 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_size": "64MB",
    "listen_addresses": "127.0.0.1",
    "autovacuum": "off",
    "timezone": "Pacific/Auckland",  # far from UTC: nothing may rely on it
    "lc_messages": "C",
    "ssl": "on",
    "ssl_cert_file": "server.pem",
    "ssl_key_file": "server.pem",
}


def programs() -> Path | None:
    """The folder of initdb and postgres."""
    found = [Path(it).parent for name in ("initdb",) if (it := shutil.which(name))]
    found = [Path(os.path.realpath(it / "initdb")).parent for it in found]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((it for it in found if (it / "initdb").exists() and (it / "postgres").exists()), None)


class Cluster:
    """A server with its data in a folder of its own; ``port`` is its number in the name of the socket, too."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._bin = programs() or Path()
        self._users: IO[bytes] | None = None  # with a lock that ends with this process

    def join(self) -> bool:
        """The server runs at least until :meth:`leave`, or until this process ends; False if it is gone."""
        try:
            self._users = self._users_file.open("rb")
        except FileNotFoundError:
            return False
        fcntl.flock(self._users, fcntl.LOCK_SH)
        return self._users_file.exists()

    def leave(self) -> None:
        if self._users:
            self._users.close()

    def end_with_its_users(self) -> None:
        """Another process stops and removes the server when the last one has left."""
        self._users_file.touch()
        self.join()
        subprocess.run(
            [
                "sh",
                "-c",
                '"$@" &',
                "sh",
                sys.executable,
                "-m",
                "tests.support.postgres",
                str(self.folder),
                str(self.port),
            ],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that it outlives Ctrl-C
            check=True,
        )

    def remove_when_unused(self) -> None:
        with self._users_file.open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            with suppress(subprocess.CalledProcessError):  # it does not run
                self.stop("immediate")
            shutil.rmtree(self.folder)

    @property
    def _users_file(self) -> Path:
        return self.folder / "users"

    def make(self, **settings: str) -> None:
        """Makes an empty server; not started yet."""
        if os.geteuid() == 0:
            os.chown(self.folder, NOBODY, NOBODY)
        self.folder.chmod(0o755)  # to the socket, which all may use
        self._call(
            "initdb", "-N", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-D", str(self.data)
        )
        certificate = trustme.CA()
        certificate.cert_pem.write_to_path(self.folder / "ca.pem")
        issued = certificate.issue_cert("db.example")
        issued.private_key_and_cert_chain_pem.write_to_path(self.data / "server.pem")
        (self.data / "server.pem").chmod(0o600)
        if os.geteuid() == 0:
            os.chown(self.data / "server.pem", NOBODY, NOBODY)
        lines = [f"{name} = '{value}'\n" for name, value in {**SETTINGS, **settings}.items()]
        lines += [f"port = {self.port}\n", f"unix_socket_directories = '{self.folder}'\n"]
        with (self.data / "postgresql.conf").open("a") as file:
            file.writelines(lines)
        (self.data / "pg_hba.conf").write_text(HBA)

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def start(self) -> None:
        self._call("pg_ctl", "-D", str(self.data), "-l", str(self.folder / "log"), "-w", "-t", "60", "start")

    def stop(self, mode: str = "fast") -> None:
        """``immediate`` is a kill: what is not on disk is lost."""
        self._call("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "-t", "60", "stop")

    def _call(self, program: str, *arguments: str) -> None:
        who: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        subprocess.run(
            [self._bin / program, *arguments],
            cwd="/",
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
            **who,
        )

    def url(self, database: str, user: str = USER) -> str:
        """By the socket."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={self.port}"

    def sql(self, database: str, *statements: str) -> list[Any]:
        """What the last of the statements returns, made by the server's superuser."""
        with closing(psycopg.connect(self.url(database, "postgres"), autocommit=True)) as connection:
            cursor: Any = None
            for statement in statements:
                cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self, name: str) -> None:
        """With a user who may make a schema in it."""
        self.sql(
            "postgres",
            f"CREATE DATABASE {name}",
            f"REVOKE ALL ON DATABASE {name} FROM PUBLIC",
            f"GRANT CONNECT, CREATE, TEMPORARY ON DATABASE {name} TO {USER}",
        )


def new_folder() -> Path:
    """In memory where possible, with a short name, since a socket's path has at most 107 characters."""
    memory = "/dev/shm"
    return Path(tempfile.mkdtemp(prefix="k24-", dir=memory if os.access(memory, os.W_OK) else None))


def new_cluster(**settings: str) -> Cluster:
    """A server that runs, on a port that was free, with its roles, until this process leaves it or ends."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    cluster = Cluster(new_folder(), port)
    cluster.end_with_its_users()
    cluster.make(**settings)
    cluster.start()
    cluster.sql("postgres", f"CREATE ROLE {USER} LOGIN", "CREATE ROLE trusted LOGIN")
    return cluster


def why_none() -> str | None:
    """Why no server can be started here."""
    return None if programs() else "PostgreSQL is not installed"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[Cluster]:
    """The server that all workers share: the first starts it, and it ends with the last."""
    if why := why_none():
        pytest.skip(why)
    shared = tmp_path_factory.getbasetemp()
    shared = shared if worker_id == "master" else shared.parent
    note = shared / "postgres.json"
    with filelock.FileLock(shared / "postgres.lock"):
        known = json.loads(note.read_text()) if note.exists() else None
        server = Cluster(Path(known[0]), known[1]) if known else None
        if not (server and server.join()):
            server = new_cluster()
            note.write_text(json.dumps([str(server.folder), server.port]))
    yield server
    server.leave()


@dataclass(frozen=True)
class Base:
    """A database of the worker's, without a state in it when a test begins."""

    cluster: Cluster
    name: str

    @property
    def url(self) -> str:
        return self.cluster.url(self.name)

    def sql(self, *statements: str) -> list[Any]:
        """By the superuser, in the state's schema."""
        return self.cluster.sql(self.name, "SET search_path = klarna24", *statements)

    def has_state(self) -> bool:
        return bool(self.sql("SELECT 1 FROM pg_namespace WHERE nspname = 'klarna24'"))

    def everything(self) -> list[Any]:
        """All rows of the state."""
        return [self.sql(f"SELECT * FROM {table} ORDER BY {', '.join(key)}") for table, key in TABLES.items()]

    def empty(self) -> None:
        """There is no state any more, and nobody is connected."""
        self.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            f" WHERE datname = '{self.name}' AND pid <> pg_backend_pid()",
            "DROP SCHEMA IF EXISTS klarna24 CASCADE",
        )

    def backup(self) -> Callable[[], None]:
        """Copies all rows; and a function that restores them."""
        self.sql("DROP SCHEMA IF EXISTS backup CASCADE", "CREATE SCHEMA backup")
        self.sql(*(f"CREATE TABLE backup.{table} AS TABLE klarna24.{table}" for table in TABLES))

        def restore() -> None:
            self.sql(f"TRUNCATE {', '.join(TABLES)}")
            self.sql(*(f"INSERT INTO {table} SELECT * FROM backup.{table}" for table in TABLES))

        return restore


@pytest.fixture(scope="session")
def worker_base(cluster: Cluster, worker_id: str) -> Base:
    name = f"base_{worker_id}"
    cluster.new_database(name)
    return Base(cluster, name)


@pytest.fixture
def base(worker_base: Base) -> Base:
    worker_base.empty()
    worker_base.sql(f"REVOKE ALL ON DATABASE {worker_base.name} FROM trusted")
    return worker_base


if __name__ == "__main__":
    Cluster(Path(sys.argv[1]), int(sys.argv[2])).remove_when_unused()
