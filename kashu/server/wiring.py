"""Where lanes and domain meet what they run on."""

from __future__ import annotations

from pathlib import Path

import httpx

from kashu.server.env import Env
from kashu.server.runtime import Runtime
from kashu.wire.attestation import Attestor
from kashu.wire.context import Context
from kashu.wire.messages import Box, ConsoleSender, SandboxSender
from kashu.wire.registry import HttpRegistry, Registry


def context(run: Runtime) -> Context:
    """What jobs, commands and the web lane work with."""
    http = httpx.Client(trust_env=False)
    sender: Box = ConsoleSender()
    if not run.env.is_production:
        sender = SandboxSender(f"http://127.0.0.1:{run.env.sandbox_port}", http)
    return Context(
        pool=run.pool,
        ring=run.ring,
        http=http,
        sender=sender,
        public_url=run.env.public_url,
        # Behind a proxy both lanes are one address; without one, notices go straight to the till.
        callback_url=run.env.public_url if run.env.is_behind_proxy else f"http://{run.env.host}:{run.env.till_port}",
        spool=run.env.var / "spool",
        hold_seconds=run.env.hold_seconds,
        secret_days=run.env.secret_days,
        takedown_report_hours=run.env.takedown_report_hours,
        is_behind_proxy=run.env.is_behind_proxy,
        registry=registry(run.env),
        attestor=attestor(run.env),
    )


def registry(env: Env) -> Registry | None:
    """Who confirms companies, people and accounts: whoever is set, outside production the sandbox."""
    if env.registry_url:
        return HttpRegistry(env.registry_url, env.registry_key, lambda: _secret(env.registry_secret))
    if env.is_production:
        return None
    file = env.var / "sandbox" / "registry.secret"
    return HttpRegistry(f"http://127.0.0.1:{env.sandbox_port}", "sandbox-registry-1", lambda: _secret(str(file)))


def attestor(env: Env) -> Attestor | None:
    """Who attests transactions: whoever is set, else nobody."""
    if not env.attestor_url:
        return None
    return Attestor(env.attestor_url.rstrip("/"), env.attestor_key, lambda: _secret(env.attestor_secret))


def _secret(told: str) -> bytes:
    path = Path(told)
    return (path.read_text().strip() if path.is_absolute() else told).encode()
