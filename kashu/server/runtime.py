"""What a process of ours holds: settings, key ring, connections. Made once, at its start."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from kashu.kernel.db import Pool
from kashu.kernel.seal import Keyring
from kashu.server import env as env_module
from kashu.server.env import Env, SettingError
from kashu.server.postgres import Embedded

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Runtime:
    env: Env

    @cached_property
    def embedded(self) -> Embedded | None:
        return None if self.env.database_url else Embedded(self.env.var / "pg")

    @cached_property
    def dsn(self) -> str:
        return self.env.database_url or self._embedded_dsn("kashu_app")

    @cached_property
    def owner_dsn(self) -> str:
        return self.env.database_owner_url or self._embedded_dsn("kashu_owner")

    @cached_property
    def ring(self) -> Keyring:
        """The key ring; outside production it is made on the first start."""
        if self.env.keyring.lstrip().startswith("{"):
            return Keyring.parse(self.env.keyring)
        path = self.env.keyring_path
        if not path.exists():
            if self.env.is_production:
                raise SettingError(f"there is no key ring at {path}")
            Keyring.new().save(path)
        try:
            return Keyring.load(path)
        except ValueError as error:
            raise SettingError(f"{path}: {error}") from error

    @cached_property
    def pool(self) -> Pool:
        return Pool(self.dsn)

    def _embedded_dsn(self, user: str) -> str:
        assert self.embedded is not None
        return self.embedded.dsn(user)


@lru_cache(maxsize=1)
def runtime() -> Runtime:
    """This process's runtime, from its environment."""
    return Runtime(env_module.read(base=ROOT))
