"""Running Kashu: the whole under one parent, or one process of it."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import httpx
import uvicorn
from prometheus_client import start_http_server
from rich.console import Console
from rich.table import Table

from kashu.jobs.worker import work
from kashu.kernel.db import Pool
from kashu.server import assets, logs
from kashu.server.demo import LOGINS_FILE, load
from kashu.server.migrate import migrate
from kashu.server.runtime import Runtime, runtime
from kashu.server.supervisor import AlreadyRunningError, Child, Supervisor, python
from kashu.server.wiring import context
from kashu.till.app import App
from kashu.wire import edge

WEB_THREADS = 4
READY_SECONDS = 60
err = Console(stderr=True, highlight=False)


def serve(*, with_sandbox: bool) -> None:
    """Everything under one parent, until Ctrl-C."""
    run = runtime()
    env = run.env
    with_sandbox = with_sandbox and not env.is_production
    supervisor = Supervisor(
        env.var, _children(run, with_sandbox=with_sandbox), lambda told: err.print(f"[yellow]{told}")
    )
    ports = {"web": env.port, "till": env.till_port, "worker": env.worker_port}
    if with_sandbox:
        ports["sandbox"] = env.sandbox_port
    try:
        supervisor.claim(ports, env.host)
    except AlreadyRunningError as error:
        err.print(f"[red]{error}")
        sys.exit(3)
    begun = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _prepare(run, with_sandbox=with_sandbox)
        supervisor.run(lambda: _greet(run, begun, with_sandbox=with_sandbox))
    except KeyboardInterrupt:
        pass
    finally:
        run.pool.close()
        if run.embedded is not None:
            run.embedded.stop()
        err.print("stopped")


def run_till(run: Runtime) -> None:
    """The till, until SIGTERM."""
    logs.configure(run.env.log_level, "till")
    config = uvicorn.Config(
        App(replace(context(run), pool=Pool(run.dsn, plans_once=True))), host=run.env.host, port=run.env.till_port, log_config=None, access_log=False, lifespan="on", proxy_headers=False,
        timeout_graceful_shutdown=10, limit_concurrency=5_000, http="httptools", loop="uvloop",
    )  # fmt: skip
    gc.freeze()  # what is loaded by now stays: no pause of a sale is spent on looking through it
    uvicorn.Server(config).run()


def run_worker(run: Runtime) -> None:
    """The worker, until SIGTERM."""
    logs.configure(run.env.log_level, "worker")
    start_http_server(run.env.worker_port, run.env.host)
    asyncio.run(_work_until_told(run))


async def _work_until_told(run: Runtime) -> None:
    task = asyncio.ensure_future(work(run.dsn, context(run)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        logging.getLogger(__name__).info("worker.stopped")


def _children(run: Runtime, *, with_sandbox: bool) -> list[Child]:
    env = run.env
    web = python(
        "-m", "granian", "--interface", "wsgi", "--host", env.host, "--port", str(env.port), "--workers", "1",
        "--blocking-threads", str(WEB_THREADS), "--no-ws", "--log-level", "warning", "kashu.server.wsgi:application",
    )  # fmt: skip
    children = [
        Child("till", python("-m", "kashu", "till")),
        Child("worker", python("-m", "kashu", "worker")),
        Child("web", web),
    ]
    if with_sandbox:
        words = ("-m", "sandbox.app", str(env.sandbox_port), str(env.var / "sandbox"))
        children.insert(0, Child("sandbox", python(*words)))
    return children


def _prepare(run: Runtime, *, with_sandbox: bool) -> None:
    """Assets, database, tables, and on the first start the demo shop."""
    (run.env.var / "static").mkdir(parents=True, exist_ok=True)
    _step("assets", assets.build)
    if run.embedded is not None:
        _step("database", run.embedded.start)
        if run.embedded.moved_to is not None:
            err.print(f"  the database lives in {run.embedded.moved_to}: its own user cannot reach {run.env.var}")
    _step("tables", lambda: _warn_of_one_role(migrate(run)))
    edge.install(context(run))
    if with_sandbox:
        _step("demo shop", lambda: load(run, edge.ctx()))


def _step(name: str, do: Callable[[], object]) -> None:
    begun = time.monotonic()
    err.print(f"  {name} …", end="")
    do()
    err.print(f" {time.monotonic() - begun:.1f} s")


def _warn_of_one_role(are_two: bool) -> None:
    if not are_two:
        err.print("[yellow] one role is both owner and application", end="")


def _greet(run: Runtime, begun: float, *, with_sandbox: bool) -> None:
    """Wait until the lanes answer, then say where everything is."""
    env = run.env
    _await([f"http://{env.host}:{env.port}/healthz", f"http://{env.host}:{env.till_port}/healthz"])
    table = Table(show_header=False, box=None, padding=(0, 2))
    for name, url in (
        ("店铺 shop", f"{env.public_url}/"),
        ("运营台 console", f"{env.public_url}/console/"),
        ("采购台 buyers", f"{env.public_url}/buyer/"),
        ("till", f"http://{env.host}:{env.till_port}/"),
        *([("沙箱短信 sandbox messages", f"http://{env.host}:{env.sandbox_port}/messages")] if with_sandbox else []),
    ):
        table.add_row(name, url)
    err.print(f"\n[green]Kashu is open[/] after {time.monotonic() - begun:.1f} s\n")
    err.print(table)
    file = env.var / LOGINS_FILE
    if with_sandbox and file.exists():
        err.print("\ndemo logins (password, TOTP secret):")
        for one in json.loads(file.read_text()):
            err.print(f"  {one['email']:24} {one['password']}  {one['totp']}", soft_wrap=True)
    err.print("\nCtrl-C stops everything.")


def _await(urls: list[str]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    with httpx.Client(trust_env=False, timeout=2) as http:
        while urls and time.monotonic() < deadline:
            try:
                if http.get(urls[0]).status_code == 200:
                    urls.pop(0)
                    continue
            except httpx.HTTPError:
                pass
            time.sleep(0.1)
    for url in urls:
        err.print(f"[red]{url} does not answer; see the log above")
