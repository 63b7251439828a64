"""The embedded server against real faults: real processes, real signals, real files."""

from __future__ import annotations

import os
import pwd
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from kashu.server import postgres
from kashu.server.postgres import CannotStartError, Embedded

CODE = Path(__file__).resolve().parents[2]
FAST = {"fsync": "off", "shared_buffers": "32MB"}
PATIENCE_SECONDS = 30
LONG_NAME = "l" * 90
TORN = (
    b"", b"\n", b"12", b"-1\n", b"0\n", b"99999999999999999999999\n", b"not a pid\n", b"\xff\xfe\x00\x00",
    b"one\ntwo\nthree\nfour\nfive\n", b"\x00\n" * 9,
)  # fmt: skip
STARTER = (
    "import sys; from pathlib import Path; from kashu.server.postgres import Embedded; sys.stdin.readline(); "
    "e = Embedded(Path(sys.argv[1]), {'fsync': 'off', 'shared_buffers': '32MB'}).start(); print(e._postmaster().pid)"
)
KNOCK = """
import os, socket, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[3])
    print("connected")
except OSError as error:
    print(type(error).__name__)
"""
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root lends the server another user")

Make = Callable[..., Embedded]


@pytest.fixture
def tmp() -> Iterator[Path]:
    """A folder the server's own user can walk to, unlike pytest's."""
    folder = _new_folder()
    yield folder
    _kill_servers_under(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    """A stopped server with the row 1 in table `kept`; tests run on copies of it."""
    folder = _new_folder()
    made = Embedded(folder / "pg", FAST).start()
    with psycopg.connect(made.dsn("kashu_owner")) as db:
        db.execute("CREATE TABLE kept (n bigint PRIMARY KEY)")
        db.execute("INSERT INTO kept VALUES (1)")
    made.stop()
    yield folder / "pg"
    _kill_servers_under(folder)
    shutil.rmtree(folder)


@pytest.fixture
def stopped(tmp: Path, template: Path) -> Embedded:
    subprocess.run(["cp", "-a", template, tmp / "pg"], check=True)
    return Embedded(tmp / "pg", FAST)


@pytest.fixture
def running(stopped: Embedded) -> Embedded:
    return stopped.start()


# Killed outright


def test_a_server_killed_outright_comes_back_with_its_data(running: Embedded) -> None:
    _keep(running, 2)
    killed = _kill(running)
    assert running.is_running() is False
    running.start()
    assert _kept(running) == [1, 2]
    assert _pid(running) != killed


def test_a_client_of_a_killed_server_loses_its_work_and_nothing_else(running: Embedded) -> None:
    with psycopg.connect(running.dsn("kashu_owner")) as client:
        client.execute("INSERT INTO kept VALUES (2)")
        _kill(running)
        running.start()
        with pytest.raises(psycopg.OperationalError):
            client.execute("INSERT INTO kept VALUES (3)")
        assert client.broken
    assert _kept(running) == [1]


def test_an_orphan_that_still_writes_keeps_a_new_server_from_starting(
    running: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "START_ATTEMPTS_MAX", 1)
    with psycopg.connect(running.dsn("kashu_owner")) as client:
        orphan = _freeze_backend(client)
        _kill(running)
        with pytest.raises(CannotStartError, match=r"pre-existing shared memory block .* is still in use"):
            running.start()
        assert orphan.status() == psutil.STATUS_STOPPED
        assert running.is_running() is False
        orphan.kill()
        _until(lambda: _is_gone(orphan))
        running.start()
    assert _kept(running) == [1]


def test_a_start_waits_for_an_orphan_to_leave(running: Embedded) -> None:
    _keep(running, 2)
    with psycopg.connect(running.dsn("kashu_owner")) as client:
        orphan = _freeze_backend(client)
        _kill(running)
        starter = threading.Thread(target=running.start)
        starter.start()
        _until(lambda: "pre-existing shared memory block" in (running.data / "startup.log").read_text())
        assert starter.is_alive()
        orphan.kill()
        starter.join()
    assert _kept(running) == [1, 2]


def test_a_starter_killed_in_the_middle_leaves_nothing_that_looks_like_data(tmp: Path) -> None:
    starter = _starter(tmp / "pg")
    _go(starter)
    _until((tmp / "pg" / "run" / "making" / "PG_VERSION").exists)
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    found = Embedded(tmp / "pg", FAST)
    assert list(found.data.iterdir()) == []
    found.start()
    assert _databases(found) == ["kashu", "postgres"]
    assert not (found.run / "making").exists()


# The pid file


def test_a_pid_file_of_a_dead_process_is_no_server(running: Embedded) -> None:
    _kill(running)
    dead = subprocess.Popen(["true"])
    dead.wait()
    _claim_pid(running, dead.pid)
    assert running.is_running() is False
    assert _kept(running.start()) == [1]


def test_a_pid_file_of_a_zombie_server_is_no_server(running: Embedded) -> None:
    running.stop()
    # A server whose parent does not bury it, as the first process of a container may not.
    child = subprocess.Popen([running._bin / "postgres", "-D", running.data], user=_uid(running))
    try:
        _until(running.is_running)
        child.send_signal(signal.SIGKILL)
        _until(lambda: psutil.Process(child.pid).status() == psutil.STATUS_ZOMBIE)
        assert (running.data / "postmaster.pid").read_text().splitlines()[0] == str(child.pid)
        assert running.is_running() is False
        assert _kept(running.start()) == [1]
    finally:
        child.kill()
        child.wait()


def test_a_pid_file_of_this_very_process_is_no_server(running: Embedded) -> None:
    _kill(running)
    _claim_pid(running, os.getpid())
    assert running.is_running() is False
    assert _kept(running.start()) == [1]


def test_a_pid_taken_over_by_a_stranger_is_no_server_and_the_stranger_lives(running: Embedded) -> None:
    _kill(running)
    # The stranger is of the server's own user and names our folder: PostgreSQL itself takes it for a server.
    stranger = subprocess.Popen(
        ["sh", "-c", "read forever", "sh", running.data], stdin=subprocess.PIPE, user=_uid(running)
    )
    try:
        _claim_pid(running, stranger.pid)
        with pytest.raises(subprocess.CalledProcessError):
            running._pg("pg_ctl", "start", "-s", "-w", "-D", running.data, "-l", running.data / "control.log")
        assert (
            f"postmaster (PID {stranger.pid}) running in data directory" in (running.data / "control.log").read_text()
        )
        assert running.is_running() is False
        assert _kept(running.start()) == [1]
        assert stranger.poll() is None
    finally:
        stranger.communicate()


def test_the_pid_of_another_folders_server_is_not_ours(running: Embedded, tmp: Path) -> None:
    subprocess.run(["cp", "-a", running.root, tmp / "copy"], check=True)
    copy = Embedded(tmp / "copy", FAST)
    assert copy.is_running() is False
    copy.start()
    _keep(copy, 2)
    assert _kept(copy) == [1, 2]
    assert _kept(running) == [1]
    assert _pid(copy) != _pid(running)


def test_a_socket_lock_of_a_stranger_does_not_hold_the_door(running: Embedded) -> None:
    _kill(running)
    stranger = subprocess.Popen(["sleep", "600"], user=_uid(running))
    try:
        lock = running.run / ".s.PGSQL.5432.lock"
        lock.write_text("\n".join([str(stranger.pid), *lock.read_text().splitlines()[1:]]) + "\n")
        assert _kept(running.start()) == [1]
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_torn_pid_file_is_no_server(stopped: Embedded) -> None:
    for torn in TORN:
        (stopped.data / "postmaster.pid").write_bytes(torn)
        _own(stopped, stopped.data / "postmaster.pid")
        assert stopped.is_running() is False, torn
        assert _kept(stopped.start()) == [1], torn
        assert stopped.is_running() is True, torn
        stopped.stop("immediate")


def test_a_lost_pid_file_does_not_put_a_second_server_on_the_data(
    running: Embedded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "START_ATTEMPTS_MAX", 1)
    first = running._postmaster()
    assert first is not None
    (running.data / "postmaster.pid").unlink()
    with pytest.raises(CannotStartError, match=r"pre-existing shared memory block .* is still in use"):
        running.start()
    assert _servers(running.root) == [first.pid]
    assert _kept(running) == [1]


# Two at once, and twice


def test_a_start_of_a_running_server_changes_nothing(running: Embedded) -> None:
    first = _pid(running)
    with psycopg.connect(running.dsn()) as client:
        running.start()
        Embedded(running.root, FAST).start()
        assert client.execute("SELECT 1").fetchone() == (1,)
    assert _servers(running.root) == [first]


@pytest.mark.parametrize("is_new", [True, False], ids=["no data yet", "killed outright"])
def test_two_starters_at_once_share_one_server(tmp: Path, stopped: Embedded, is_new: bool) -> None:
    if not is_new:
        _kill(stopped.start())
    root = tmp / "fresh" if is_new else stopped.root
    starters = [_starter(root) for _ in range(2)]
    for starter in starters:
        _go(starter)
    told = [starter.communicate()[0].strip() for starter in starters]
    assert [starter.returncode for starter in starters] == [0, 0]
    found = Embedded(root, FAST)
    assert _servers(root) == [_pid(found)]
    assert told == [str(_pid(found))] * 2
    assert _databases(found) == ["kashu", "postgres"]


def test_a_server_reached_through_a_link_is_the_same_server(running: Embedded, tmp: Path) -> None:
    (tmp / "link").symlink_to(tmp)
    for path in (tmp / "link" / "pg", tmp / "pg" / ".." / "pg"):
        other = Embedded(path, FAST)
        assert other.is_running() is True
        other.start()
        assert _kept(other) == [1]
    assert _servers(tmp) == [_pid(running)]


def test_a_stopped_server_is_stopped_and_stopping_it_again_is_nothing(running: Embedded) -> None:
    running.stop()
    assert running.is_running() is False
    assert _servers(running.root) == []
    running.stop()
    assert _kept(running.start()) == [1]


# A long recovery


def test_a_start_waits_for_a_long_recovery(running: Embedded, tmp: Path) -> None:
    gate = _crash_into_a_long_recovery(running, tmp)
    starter = threading.Thread(target=running.start)
    starter.start()
    _until(lambda: "the database system is" in _refusal(running.dsn("kashu_owner")))
    assert starter.is_alive()
    gate.unlink()
    starter.join()
    assert len(_kept(running)) == 100_001


def test_a_start_out_of_patience_leaves_the_recovery_alone(running: Embedded, tmp: Path) -> None:
    gate = _crash_into_a_long_recovery(running, tmp)
    with pytest.raises(CannotStartError, match="PostgreSQL does not answer"):
        running.start(timeout_seconds=1)
    recovering = _pid(running)
    assert (running.data / "postmaster.pid").read_text().splitlines()[0] == str(recovering)
    gate.unlink()
    running.start()
    assert _pid(running) == recovering
    assert len(_kept(running)) == 100_001


# Who may come in


def test_the_doors_are_closed_to_others(running: Embedded) -> None:
    closed = {
        path.name: oct(stat.S_IMODE(path.stat().st_mode))
        for path in (running.run, running.data, running.root / "passwords", running.run / ".s.PGSQL.5432")
    }
    assert closed == {"run": "0o700", "data": "0o700", "passwords": "0o600", ".s.PGSQL.5432": "0o700"}


@as_root
def test_another_user_of_the_machine_can_not_knock(running: Embedded) -> None:
    assert running._user is not None
    assert running._user.pw_name == "kashu-pg"
    told = {}
    for name in ("kashu-pg", "nobody"):
        who = pwd.getpwnam(name)
        knock = [sys.executable, "-c", KNOCK, str(who.pw_uid), str(who.pw_gid), running.run / ".s.PGSQL.5432"]
        told[name] = subprocess.run(knock, check=True, capture_output=True, text=True).stdout
    assert told == {"kashu-pg": "connected\n", "nobody": "PermissionError\n"}


@pytest.mark.parametrize("folder", ["s", LONG_NAME], ids=["socket", "tcp"])
def test_nobody_comes_in_without_the_password(tmp: Path, template: Path, folder: str) -> None:
    subprocess.run(["cp", "-a", template, tmp / folder], check=True)
    found = Embedded(tmp / folder, FAST).start()
    for user in ("postgres", "kashu_owner", "kashu_app"):
        dsn = psycopg.conninfo.conninfo_to_dict(found.dsn(user))
        assert _refusal(psycopg.conninfo.make_conninfo(**dsn)) == ""
        right = dsn.pop("password")
        assert "password authentication failed" in _refusal(psycopg.conninfo.make_conninfo(**dsn, password=f"{right}x"))
        assert "no password supplied" in _refusal(psycopg.conninfo.make_conninfo(**dsn, passfile="/nonexistent"))
    with psycopg.connect(found.dsn("postgres")) as db:
        methods = db.execute("SELECT DISTINCT auth_method FROM pg_hba_file_rules").fetchall()
        assert methods == [("scram-sha-256",)]


def test_a_lost_password_file_is_said_and_not_papered_over(running: Embedded) -> None:
    running.stop()
    (running.root / "passwords").rename(running.root / "kept-aside")
    with pytest.raises(CannotStartError, match="passwords"):
        running.start()
    assert not (running.root / "passwords").exists()
    (running.root / "kept-aside").rename(running.root / "passwords")
    assert _kept(running.start()) == [1]


# Where it lives


def test_a_path_too_long_for_a_socket_is_served_on_the_loopback_alone(tmp: Path) -> None:
    found = Embedded(tmp / LONG_NAME, FAST).start()
    dsn = psycopg.conninfo.conninfo_to_dict(found.dsn())
    assert dsn["host"] == "127.0.0.1"
    assert dsn["port"] == (found.root / "port").read_text()
    with psycopg.connect(found.dsn("postgres")) as db:
        assert db.execute("SHOW listen_addresses").fetchone() == ("127.0.0.1",)
        assert db.execute("SHOW unix_socket_directories").fetchone() == ("",)
    _kill(found)
    found.start()
    assert psycopg.conninfo.conninfo_to_dict(found.dsn()) == dsn
    assert _refusal(found.dsn()) == ""


def test_the_longest_path_for_a_socket_is_a_hundred_bytes(tmp: Path, template: Path) -> None:
    rest = len(os.fsencode(tmp / "n" / "run" / ".s.PGSQL.5432")) - 1
    at, over = (tmp / ("n" * (length - rest)) for length in (100, 101))
    assert [Embedded(at).on_tcp, Embedded(over).on_tcp] == [False, True]
    subprocess.run(["cp", "-a", template, at], check=True)
    found = Embedded(at, FAST).start()
    assert len(os.fsencode(found.run / ".s.PGSQL.5432")) == 100
    assert _kept(found) == [1]


def test_a_port_that_somebody_took_meanwhile_is_said(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "START_ATTEMPTS_MAX", 1)
    found = Embedded(tmp / LONG_NAME, FAST).start()
    found.stop()
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", found.port))
        taker.listen()
        with pytest.raises(CannotStartError, match="Address already in use"):
            found.start()
    found.start()
    assert _refusal(found.dsn()) == ""


@pytest.mark.parametrize("name", ["my own shop", "it's", "卡枢", "50% = half"])
def test_a_path_with_blanks_and_signs_is_a_path(tmp: Path, template: Path, name: str) -> None:
    (tmp / name).mkdir()
    subprocess.run(["cp", "-a", template, tmp / name / "pg"], check=True)
    found = Embedded(tmp / name / "pg", FAST).start()
    assert found.on_tcp is False
    assert _kept(found) == [1]
    _kill(found)
    assert _kept(found.start()) == [1]


@pytest.mark.parametrize("sign", [",", '"', "$HOME", "`", "\\", "\n"])
def test_a_path_that_postgresql_misreads_is_refused_before_anything_is_made(tmp: Path, sign: str) -> None:
    with pytest.raises(CannotStartError, match="KASHU_VAR"):
        Embedded(tmp / f"a{sign}b", FAST).start()
    assert list(tmp.iterdir()) == []


@as_root
def test_data_under_a_closed_home_lives_in_the_state_directory_and_opens_no_door(tmp: Path) -> None:
    home = tmp / "home"
    (home / "clone").mkdir(parents=True)
    home.chmod(0o700)
    before = _permissions(home / "clone")
    found = Embedded(home / "clone" / "var" / "pg", FAST, state_home=tmp / "state").start()
    assert found.moved_to == found.root
    assert found.root.parent == tmp / "state"
    assert _permissions(home / "clone") == before
    assert list((home / "clone").iterdir()) == []
    again = Embedded(home / "clone" / "var" / "pg", FAST, state_home=tmp / "state")
    assert again.moved_to == found.root
    assert again.is_running() is True
    assert Embedded(home / "other" / "pg", FAST, state_home=tmp / "state").root != found.root


@as_root
def test_data_in_the_state_directory_is_still_the_data_when_the_home_opens(tmp: Path) -> None:
    (tmp / "home").mkdir(mode=0o700)
    found = Embedded(tmp / "home" / "pg", FAST, state_home=tmp / "state").start()
    (tmp / "home").chmod(0o755)
    again = Embedded(tmp / "home" / "pg", FAST, state_home=tmp / "state")
    assert again.root == found.root
    assert again.is_running() is True


@as_root
def test_a_home_closed_over_existing_data_is_refused_and_not_replaced_by_an_empty_database(
    tmp: Path, template: Path
) -> None:
    (tmp / "home").mkdir(mode=0o755)
    subprocess.run(["cp", "-a", template, tmp / "home" / "pg"], check=True)
    (tmp / "home").chmod(0o700)
    with pytest.raises(CannotStartError, match="cannot reach"):
        Embedded(tmp / "home" / "pg", FAST, state_home=tmp / "state").start()
    assert not (tmp / "state").exists()
    (tmp / "home").chmod(0o755)
    assert _kept(Embedded(tmp / "home" / "pg", FAST, state_home=tmp / "state").start()) == [1]


@as_root
def test_an_open_path_keeps_every_permission_it_had(tmp: Path) -> None:
    (tmp / "a" / "b").mkdir(parents=True)
    (tmp / "a").chmod(0o751)
    (tmp / "a" / "b").chmod(0o711)
    before = _permissions(tmp / "a" / "b")
    found = Embedded(tmp / "a" / "b" / "pg", FAST, state_home=tmp / "state").start()
    found.stop()
    assert found.moved_to is None
    assert _permissions(tmp / "a" / "b") == before


def test_a_strict_umask_does_not_shut_the_server_out_of_its_own_folder(tmp: Path) -> None:
    was = os.umask(0o077)
    try:
        found = Embedded(tmp / "var" / "pg", FAST).start()
    finally:
        os.umask(was)
    assert found.root == tmp / "var" / "pg"
    assert _databases(found) == ["kashu", "postgres"]
    assert Embedded(tmp / "var" / "pg", FAST).root == found.root


# What is found in the folder


def test_a_half_made_database_is_not_mistaken_for_data(tmp: Path) -> None:
    making = tmp / "pg" / "run" / "making"
    (making / "base").mkdir(parents=True)
    (making / "PG_VERSION").write_text("18\n")
    found = Embedded(tmp / "pg", FAST)
    assert found.is_running() is False
    found.start()
    assert _databases(found) == ["kashu", "postgres"]
    assert not making.exists()


def test_a_data_folder_with_foreign_files_is_refused_and_nothing_is_lost(tmp: Path) -> None:
    data = tmp / "pg" / "data"
    (data / "letters").mkdir(parents=True)
    (data / "letters" / "first.txt").write_text("dear")
    with pytest.raises(CannotStartError, match="holds files that are not a database; move them away first"):
        Embedded(tmp / "pg", FAST).start()
    assert [str(path.relative_to(data)) for path in sorted(data.rglob("*"))] == ["letters", "letters/first.txt"]
    assert (data / "letters" / "first.txt").read_text() == "dear"
    assert _servers(tmp) == []


@pytest.mark.parametrize("room_bytes", [0, 100_000], ids=["not even for the passwords", "not for the database"])
def test_a_disk_without_room_is_said_and_the_next_start_is_whole(tmp: Path, room_bytes: int) -> None:
    starter = _starter(tmp / "pg", room_bytes)
    _go(starter)
    _, told = starter.communicate()
    assert starter.returncode == 1
    assert told.splitlines()[-1].startswith(
        "kashu.server.postgres.CannotStartError" if room_bytes else "OSError: [Errno 27] File too large"
    )
    assert not (tmp / "pg" / "data" / "PG_VERSION").exists()
    found = Embedded(tmp / "pg", FAST).start()
    assert _databases(found) == ["kashu", "postgres"]
    assert _refusal(found.dsn()) == ""


def test_a_wrong_setting_is_said(stopped: Embedded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "START_ATTEMPTS_MAX", 1)
    with pytest.raises(CannotStartError, match='unrecognized configuration parameter "shared_bufers"'):
        Embedded(stopped.root, {**FAST, "shared_bufers": "32MB"}).start()
    assert _kept(stopped.start()) == [1]


# Helpers


def _new_folder() -> Path:
    """In memory where there is room: a disk would double the time. Short, for the socket's path has a limit."""
    memory = Path("/dev/shm")
    is_roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2 * 2**30
    folder = Path(tempfile.mkdtemp(prefix="kashu-pg-", dir=memory if is_roomy else "/tmp"))
    folder.chmod(0o711)
    return folder


def _keep(server: Embedded, n: int) -> None:
    with psycopg.connect(server.dsn("kashu_owner")) as db:
        db.execute("INSERT INTO kept VALUES (%s)", [n])


def _kept(server: Embedded) -> list[int]:
    with psycopg.connect(server.dsn("kashu_owner")) as db:
        return [n for (n,) in db.execute("SELECT n FROM kept ORDER BY n")]


def _databases(server: Embedded) -> list[str]:
    with psycopg.connect(server.dsn("kashu_app")) as db:
        found = db.execute("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY datname")
        return [name for (name,) in found]


def _refusal(dsn: str) -> str:
    """Why a client is not let in; empty when it is."""
    try:
        psycopg.connect(dsn, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        return str(error)
    return ""


def _until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)


def _pid(server: Embedded) -> int:
    process = server._postmaster()
    assert process is not None
    return process.pid


def _is_gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def _kill(server: Embedded) -> int:
    """kill -9 the postmaster; its pid file stays behind, and its backends are orphans."""
    process = server._postmaster()
    assert process is not None
    process.kill()
    _until(lambda: _is_gone(process))
    assert (server.data / "postmaster.pid").exists()
    return process.pid


def _freeze_backend(client: psycopg.Connection) -> psutil.Process:
    """Stop the client's backend where it stands: it holds the shared memory and does not notice a death."""
    found = psutil.Process(client.info.backend_pid)
    found.suspend()
    _until(lambda: found.status() == psutil.STATUS_STOPPED)
    return found


def _servers(root: Path) -> list[int]:
    """The pids of all servers whose data is under a folder, whatever their pid files say."""
    return [
        found.pid
        for found in psutil.process_iter(["cmdline"])
        if any(word.startswith(f"{root}/") for word in found.info["cmdline"] or [])
        and found.info["cmdline"][0].endswith("/postgres")
    ]


def _kill_servers_under(folder: Path) -> None:
    """At once, yet by the signal that lets a server clear its shared memory away."""
    for pid in _servers(folder):
        master = psutil.Process(pid)
        master.send_signal(signal.SIGQUIT)
        _until(lambda master=master: _is_gone(master))


def _claim_pid(server: Embedded, pid: int) -> None:
    """Put another pid into an otherwise whole pid file, as a reboot or a copied folder does."""
    file = server.data / "postmaster.pid"
    file.write_text("\n".join([str(pid), *file.read_text().splitlines()[1:]]) + "\n")


def _own(server: Embedded, file: Path) -> None:
    if server._user is not None:
        os.chown(file, server._user.pw_uid, server._user.pw_gid)
    file.chmod(0o600)


def _uid(server: Embedded) -> int | None:
    return server._user.pw_uid if server._user is not None else None


def _starter(root: Path, room_bytes: int | None = None) -> subprocess.Popen[str]:
    """Another process that starts the server once told to, and says the server's pid."""
    limit = None if room_bytes is None else lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, room_bytes))
    return subprocess.Popen(
        [sys.executable, "-c", STARTER, str(root)],
        cwd=CODE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, start_new_session=True, preexec_fn=limit,
    )  # fmt: skip


def _go(starter: subprocess.Popen[str]) -> None:
    assert starter.stdin is not None
    starter.stdin.write("go\n")
    starter.stdin.flush()


def _permissions(path: Path) -> dict[Path, tuple[int, int, int]]:
    found = {folder: folder.stat() for folder in (path, *path.parents)}
    return {folder: (one.st_mode, one.st_uid, one.st_gid) for folder, one in found.items()}


def _crash_into_a_long_recovery(server: Embedded, tmp: Path) -> Path:
    """Much log and a kill -9; then recovery stands still while the returned file exists."""
    gate = tmp / "gate"
    gate.touch()
    with psycopg.connect(server.dsn("kashu_owner")) as db:
        db.execute("INSERT INTO kept SELECT n FROM generate_series(2, 100001) n")
    _kill(server)
    server.settings = {**FAST, "restore_command": f"while [ -e {gate} ]; do sleep 0.05; done; false"}
    (server.data / "recovery.signal").touch()
    return gate
