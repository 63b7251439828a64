"""Settings: one frozen object, read once from `KASHU_*`. A name we do not know stops the start."""

from __future__ import annotations

import dataclasses
import difflib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PREFIX = "KASHU_"
ENVIRONMENTS = ("development", "production")


class SettingError(Exception):
    """A setting is unknown, malformed, or a development default in production."""


def _setting(default: Any, meaning: str) -> Any:  # a dataclass field of whatever type
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Env:
    """Every setting Kashu has. `docs/reference/settings.md` is made from this class."""

    env: str = _setting("development", "`development`, or `production`, which refuses development defaults")
    database_url: str = _setting("", "any PostgreSQL ≥ 15, as the application's role; empty: the embedded server")
    database_owner_url: str = _setting(
        "", "the same database as the owner of its tables, for migrations; empty: database_url"
    )
    host: str = _setting("127.0.0.1", "the address the lanes listen on")
    port: int = _setting(8000, "the web lane: screens and the api")
    till_port: int = _setting(0, "the till; 0: port + 1")
    sandbox_port: int = _setting(0, "the sandbox payment channel, never in production; 0: port + 2")
    worker_port: int = _setting(0, "the worker's metrics; 0: port + 3")
    public_url: str = _setting("", "where buyers and gateways reach us; empty: http://127.0.0.1:port")
    var: Path = _setting(Path("var"), "all state that is not in PostgreSQL: development keys, spooled uploads")
    keyring: str = _setting("", "the key ring: a path, or its JSON; empty: made once in var/keys (not in production)")
    hold_seconds: int = _setting(600, "how long an unpaid order holds its cards; 30 to 3600 seconds")
    secret_days: int = _setting(
        180,
        "days after a sold card has served (redeemed or expired, warranty over) until its secret is erased; 30 to 1095",
    )
    takedown_report_hours: int = _setting(
        24, "hours within which an authority is told of illegal goods that were taken down; 1 to 168"
    )
    registry_url: str = _setting(
        "",
        "who confirms companies, people and accounts (docs/how-to/suppliers.md); empty: the sandbox, in production nobody",
    )
    registry_key: str = _setting("", "the name of our key there")
    registry_secret: str = _setting("", "the secret of that key, or the path of a file with it")
    attestor_url: str = _setting(
        "",
        "who attests transactions (交易核验, docs/reference/attestation.md); empty: nobody, and nothing is written down",
    )
    attestor_key: str = _setting("", "the name of our key there")
    attestor_secret: str = _setting("", "the secret of that key, or the path of a file with it")
    log_level: str = _setting("INFO", "DEBUG, INFO, WARNING or ERROR")

    @property
    def is_production(self) -> bool:
        return self.env == "production"

    @property
    def is_behind_proxy(self) -> bool:
        """Whether one public address leads to all lanes; then, and only then, forwarded addresses are believed."""
        return self.is_production

    @property
    def public_host(self) -> str:
        return urlsplit(self.public_url).hostname or "127.0.0.1"

    @property
    def keyring_path(self) -> Path:
        return Path(self.keyring) if self.keyring else self.var / "keys" / "keyring.json"


def read(environ: Mapping[str, str] | None = None, base: Path | None = None) -> Env:
    """The settings in an environment, checked; `base` is what relative paths are relative to."""
    told = os.environ if environ is None else environ
    names = {PREFIX + spec.name.upper(): spec for spec in dataclasses.fields(Env)}
    raw: dict[str, Any] = {}
    for name in sorted(told):
        if not name.startswith(PREFIX):
            continue
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingError(f"{name} is not a setting{hint}")
        raw[names[name].name] = _convert(name, told[name], names[name].default)
    return _complete(Env(**raw), base or Path.cwd())


def _convert(name: str, text: str, default: object) -> object:
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise SettingError(f"{name} should be a whole number, not {text!r}") from None
    return Path(text) if isinstance(default, Path) else text


def _complete(env: Env, base: Path) -> Env:
    """Fill what follows from other settings, and check the whole."""
    env = dataclasses.replace(
        env,
        till_port=env.till_port or env.port + 1,
        sandbox_port=env.sandbox_port or env.port + 2,
        worker_port=env.worker_port or env.port + 3,
        public_url=(env.public_url or f"http://127.0.0.1:{env.port}").rstrip("/"),
        database_owner_url=env.database_owner_url or env.database_url,
        var=(base / env.var).absolute(),
    )
    if env.env not in ENVIRONMENTS:
        raise SettingError(f"KASHU_ENV should be one of {', '.join(ENVIRONMENTS)}, not {env.env!r}")
    for name in ("port", "till_port", "sandbox_port", "worker_port"):
        if not 1 <= getattr(env, name) <= 65535:
            raise SettingError(f"{PREFIX}{name.upper()} should be a port from 1 to 65535, not {getattr(env, name)}")
    if not 30 <= env.hold_seconds <= 3600:
        raise SettingError(f"KASHU_HOLD_SECONDS should be from 30 to 3600, not {env.hold_seconds}")
    if not 30 <= env.secret_days <= 1095:
        raise SettingError(f"KASHU_SECRET_DAYS should be from 30 to 1095, not {env.secret_days}")
    if not 1 <= env.takedown_report_hours <= 168:
        raise SettingError(f"KASHU_TAKEDOWN_REPORT_HOURS should be from 1 to 168, not {env.takedown_report_hours}")
    if env.log_level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SettingError(f"KASHU_LOG_LEVEL should be DEBUG, INFO, WARNING or ERROR, not {env.log_level!r}")
    if urlsplit(env.public_url).scheme not in ("http", "https"):
        raise SettingError(f"KASHU_PUBLIC_URL should begin with http:// or https://, not {env.public_url!r}")
    _check_outside(env, "registry")
    _check_outside(env, "attestor")
    if env.is_production:
        _refuse_defaults(env)
    return env


def _check_outside(env: Env, who: str) -> None:
    url, *rest = told = [getattr(env, f"{who}_{part}") for part in ("url", "key", "secret")]
    name = f"KASHU_{who.upper()}"
    if any(told) and not all(rest):
        raise SettingError(f"{name}_URL, {name}_KEY and {name}_SECRET go together")
    if (any(rest) and not url) or (env.is_production and url and not url.startswith("https://")):
        raise SettingError(f"{name}_URL, {name}_KEY and {name}_SECRET go together; production needs https://")


def _refuse_defaults(env: Env) -> None:
    """Production says everything itself: no generated keys, no embedded passwords, no plain addresses."""
    if not env.keyring:
        raise SettingError("production needs KASHU_KEYRING: a generated key ring is for development")
    if not env.database_url:
        raise SettingError("production needs KASHU_DATABASE_URL: the embedded server is for development")
    if not env.public_url.startswith("https://"):
        raise SettingError("production needs KASHU_PUBLIC_URL with https://")
