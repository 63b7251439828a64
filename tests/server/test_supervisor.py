"""The supervisor over real children: small Python programs, real signals, real ports."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest

from kashu.server.supervisor import BACKOFF_SECONDS_MAX

CODE = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30
HOST = "127.0.0.1"
PARENT = """
import json, sys
from pathlib import Path
from kashu.server import supervisor
from kashu.server.supervisor import Child, Supervisor
folder, plan = Path(sys.argv[1]), json.loads(sys.argv[2])
for name, value in plan.get("rules", {}).items():
    setattr(supervisor, name, value)
children = [Child(name, command, falls=plan.get("falls", 0)) for name, command in plan["children"].items()]
parent = Supervisor(folder, children, lambda told: print(told, flush=True))
parent.claim(plan.get("ports", {}), "127.0.0.1")
parent.run(lambda: print("up", flush=True))
"""
# Each child first writes its pid to the file it is named after, one line a start.
BEGIN = "import os, signal, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); "
STEADY = BEGIN + "time.sleep(600)"
CRASHING = BEGIN + "sys.exit(3)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + STEADY
TIDY = (
    "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: "
    "(open(sys.argv[1] + '.tidied', 'w').close(), sys.exit(0))); " + STEADY
)
# Like a web server of several processes: the one we know holds nothing, its worker holds the port.
FAMILY = BEGIN + (
    "import socket, subprocess; door = socket.create_server(('127.0.0.1', int(sys.argv[2]))); "
    "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], pass_fds=[door.fileno()]); "
    "open(sys.argv[1] + '.worker', 'a').write(f'{worker.pid}\\n'); door.close(); time.sleep(600)"
)

Run = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Run a supervisor in a process of its own; the end of the test is the end of its whole family."""
    parents: list[subprocess.Popen[str]] = []

    def _run(plan: dict[str, object]) -> subprocess.Popen[str]:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(tmp_path), json.dumps(plan)],
            cwd=CODE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        parents.append(parent)
        return parent

    yield _run
    for parent in parents:
        parent.kill()
    for file in (*tmp_path.glob("*.pids"), *tmp_path.glob("*.worker")):
        for pid in filter(_is_alive, _pids(file)):
            os.kill(pid, signal.SIGKILL)
    for parent in parents:  # only now: an orphan would hold the pipe open
        parent.communicate()


# Starting again


def test_a_crashed_child_is_started_again_ever_more_slowly_and_it_is_said(run: Run, tmp_path: Path) -> None:
    parent = run({"children": {"flaky": _child(CRASHING, tmp_path / "flaky.pids")}})
    assert _lines(parent, 4) == [
        "up",
        "flaky ended with 3; starting it again in 1 s",
        "flaky ended with 3; starting it again in 2 s",
        "flaky ended with 3; starting it again in 4 s",
    ]
    assert len(set(_pids(tmp_path / "flaky.pids"))) == 3


def test_the_wait_for_a_child_that_never_lives_has_a_limit(run: Run, tmp_path: Path) -> None:
    parent = run({"falls": 10_000, "children": {"flaky": _child(CRASHING, tmp_path / "flaky.pids")}})
    assert _lines(parent, 2) == ["up", f"flaky ended with 3; starting it again in {BACKOFF_SECONDS_MAX} s"]


def test_a_child_that_ran_steadily_is_forgiven_its_falls(run: Run, tmp_path: Path) -> None:
    plan = {"rules": {"STEADY_SECONDS": 0}, "falls": 5, "children": {"once": _child(CRASHING, tmp_path / "once.pids")}}
    assert _lines(run(plan), 3) == ["up", *["once ended with 3; starting it again in 1 s"] * 2]


def test_a_killed_child_comes_back_and_its_siblings_do_not_notice(run: Run, tmp_path: Path) -> None:
    till, web = tmp_path / "till.pids", tmp_path / "web.pids"
    parent = run({"children": {"till": _child(STEADY, till), "web": _child(STEADY, web)}})
    assert _lines(parent, 1) == ["up"]
    _until(lambda: len(_pids(till)) == len(_pids(web)) == 1)
    os.kill(_pids(web)[0], signal.SIGKILL)
    assert _lines(parent, 1) == ["web ended with -9; starting it again in 1 s"]
    _until(lambda: len(_pids(web)) == 2)
    assert len(_pids(till)) == 1
    assert [_is_alive(pid) for pid in _pids(till) + _pids(web)] == [True, False, True]


def test_a_killed_child_takes_its_workers_along_so_that_its_port_is_free_again(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "web.pids"
    parent = run({"children": {"web": [*_child(FAMILY, file), str(_free_port())]}})
    assert _lines(parent, 1) == ["up"]
    workers = tmp_path / "web.pids.worker"
    _until(lambda: len(_pids(workers)) == 1)
    os.kill(_pids(file)[0], signal.SIGKILL)
    assert _lines(parent, 1) == ["web ended with -9; starting it again in 1 s"]
    _until(lambda: len(_pids(workers)) == 2)
    assert [_is_alive(pid) for pid in _pids(workers)] == [False, True]


# Only one


def test_a_second_start_on_one_folder_is_refused_and_the_first_goes_on(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "till.pids"
    plan = {"children": {"till": _child(STEADY, file)}}
    first = run(plan)
    assert _lines(first, 1) == ["up"]
    _until(lambda: len(_pids(file)) == 1)
    second = run(plan)
    _, told = second.communicate()
    assert told.splitlines()[-1] == (
        f"kashu.server.supervisor.AlreadyRunningError: Kashu already runs on {tmp_path} (process {first.pid})"
    )
    assert second.returncode == 1
    assert first.poll() is None
    assert [_is_alive(pid) for pid in _pids(file)] == [True]


def test_a_killed_parent_does_not_hold_the_folder(run: Run, tmp_path: Path) -> None:
    first = run({"children": {}})
    assert _lines(first, 1) == ["up"]
    first.kill()
    first.wait()
    second = run({"children": {}})
    assert _lines(second, 1) == ["up"]
    assert (tmp_path / ".serving").read_text() == str(second.pid)


def test_a_taken_port_is_refused_by_its_name_before_anything_starts(run: Run, tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as taker:
        port = taker.getsockname()[1]
        file = tmp_path / "till.pids"
        parent = run({"ports": {"till": _free_port(), "web": port}, "children": {"till": _child(STEADY, file)}})
        _, told = parent.communicate()
    assert told.splitlines()[-1] == (
        f"kashu.server.supervisor.AlreadyRunningError: port {port} (web) is taken; choose another with KASHU_PORT"
    )
    assert not file.exists()


def test_a_port_just_left_behind_is_free(run: Run) -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((HOST, port))
        server.accept()[0].close()  # the server hangs up first: its end lingers in TIME_WAIT
        client.close()
    assert _lines(run({"ports": {"web": port}, "children": {}}), 1) == ["up"]


# Stopping


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_every_child_and_then_the_parent(run: Run, tmp_path: Path, told: signal.Signals) -> None:
    files = [tmp_path / f"{name}.pids" for name in ("till", "worker", "web")]
    parent = run({"children": {file.stem: _child(TIDY, file) for file in files}})
    assert _lines(parent, 1) == ["up"]
    _until(lambda: [len(_pids(file)) for file in files] == [1, 1, 1])
    parent.send_signal(told)
    assert parent.communicate() == ("", "")
    assert parent.returncode == 0
    assert [_is_alive(_pids(file)[0]) for file in files] == [False] * 3
    assert sorted(file.name for file in tmp_path.glob("*.tidied")) == [
        "till.pids.tidied", "web.pids.tidied", "worker.pids.tidied",
    ]  # fmt: skip


def test_a_parent_run_under_nohup_outlives_its_terminal(run: Run, tmp_path: Path) -> None:
    was = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        parent = run({"children": {"flaky": _child(STEADY, tmp_path / "flaky.pids")}})
    finally:
        signal.signal(signal.SIGHUP, was)
    assert _lines(parent, 1) == ["up"]
    _until(lambda: len(_pids(tmp_path / "flaky.pids")) == 1)
    parent.send_signal(signal.SIGHUP)
    os.kill(_pids(tmp_path / "flaky.pids")[0], signal.SIGKILL)
    assert _lines(parent, 1) == ["flaky ended with -9; starting it again in 1 s"]


def test_a_child_that_does_not_listen_is_killed_and_it_is_said(run: Run, tmp_path: Path) -> None:
    deaf, tidy = tmp_path / "deaf.pids", tmp_path / "tidy.pids"
    plan = {"rules": {"STOP_SECONDS": 0.5}, "children": {"deaf": _child(DEAF, deaf), "tidy": _child(TIDY, tidy)}}
    parent = run(plan)
    assert _lines(parent, 1) == ["up"]
    _until(lambda: len(_pids(deaf)) == len(_pids(tidy)) == 1)
    parent.send_signal(signal.SIGTERM)
    assert parent.communicate() == ("deaf does not stop; killing it\n", "")
    assert parent.returncode == 0
    assert [_is_alive(pid) for pid in _pids(deaf) + _pids(tidy)] == [False, False]
    assert (tmp_path / "tidy.pids.tidied").exists()


def test_a_stopped_child_leaves_no_workers_behind(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "web.pids"
    parent = run({"children": {"web": [*_child(FAMILY, file), str(_free_port())]}})
    workers = tmp_path / "web.pids.worker"
    assert _lines(parent, 1) == ["up"]
    _until(lambda: len(_pids(workers)) == 1)
    parent.send_signal(signal.SIGTERM)
    assert parent.communicate() == ("", "")
    _until(lambda: not _is_alive(_pids(workers)[0]))
    assert _is_alive(_pids(file)[0]) is False


def test_a_fallen_child_is_not_started_again_by_a_parent_that_stops(run: Run, tmp_path: Path) -> None:
    plan = {"falls": 10, "children": {"flaky": _child(CRASHING, tmp_path / "flaky.pids")}}
    parent = run(plan)
    assert _lines(parent, 2) == ["up", "flaky ended with 3; starting it again in 30 s"]
    parent.send_signal(signal.SIGTERM)
    assert parent.communicate() == ("", "")
    assert parent.returncode == 0
    assert len(_pids(tmp_path / "flaky.pids")) == 1


def test_a_child_that_can_not_even_start_takes_the_others_down(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "till.pids"
    parent = run({"children": {"till": _child(STEADY, file), "web": ["/nonexistent/web"]}})
    _, told = parent.communicate()
    assert told.splitlines()[-1] == "FileNotFoundError: [Errno 2] No such file or directory: '/nonexistent/web'"
    assert _family_of(tmp_path) == []


# Helpers


def _child(program: str, file: Path) -> list[str]:
    return [sys.executable, "-c", program, str(file)]


def _lines(parent: subprocess.Popen[str], count: int) -> list[str]:
    told: IO[str] | None = parent.stdout
    assert told is not None
    return [told.readline().rstrip("\n") for _ in range(count)]


def _pids(file: Path) -> list[int]:
    """The pids of a child's starts, whole lines only."""
    if not file.exists():
        return []
    return [int(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _family_of(folder: Path) -> list[int]:
    """Every living process that names the folder."""
    return [
        found.pid
        for found in psutil.process_iter(["cmdline", "status"])
        if found.info["status"] != psutil.STATUS_ZOMBIE and any(str(folder) in w for w in found.info["cmdline"] or [])
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it never came about"
        time.sleep(0.005)
