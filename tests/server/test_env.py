from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from kashu.server.env import SettingError, read

RING = json.dumps({"current": 1, "keys": {"1": base64.b64encode(b"k" * 32).decode()}})
PRODUCTION = {
    "KASHU_ENV": "production",
    "KASHU_KEYRING": RING,
    "KASHU_DATABASE_URL": "postgresql://app@db/kashu",
    "KASHU_PUBLIC_URL": "https://kashu.example",
}


def test_defaults_are_those_of_the_design():
    env = read({}, Path("/base"))
    assert (env.port, env.till_port, env.sandbox_port, env.worker_port) == (8000, 8001, 8002, 8003)
    assert env.var == Path("/base/var")
    assert env.public_url == "http://127.0.0.1:8000"
    assert not env.is_behind_proxy


def test_the_till_follows_the_port():
    assert read({"KASHU_PORT": "9000"}).till_port == 9001


@pytest.mark.parametrize(
    ("name", "near"),
    [("KASHU_PROT", "KASHU_PORT"), ("KASHU_DATABASE", "KASHU_DATABASE_URL"), ("KASHU_KEYRNG", "KASHU_KEYRING")],
)
def test_an_unknown_name_stops_the_start_and_names_the_nearest(name, near):
    with pytest.raises(SettingError, match=f"did you mean {near}"):
        read({name: "1"})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KASHU_PORT", "eight"),
        ("KASHU_PORT", "70000"),
        ("KASHU_ENV", "staging"),
        ("KASHU_HOLD_SECONDS", "5"),
        ("KASHU_LOG_LEVEL", "loud"),
        ("KASHU_PUBLIC_URL", "kashu.example"),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_name(name, value):
    with pytest.raises(SettingError, match=name):
        read({name: value})


def test_production_with_everything_said_starts():
    assert read(PRODUCTION).is_production


@pytest.mark.parametrize("missing", ["KASHU_KEYRING", "KASHU_DATABASE_URL", "KASHU_PUBLIC_URL"])
def test_production_refuses_a_development_default(missing):
    with pytest.raises(SettingError, match=missing):
        read({name: value for name, value in PRODUCTION.items() if name != missing})


def test_settings_are_frozen():
    with pytest.raises(AttributeError):
        read({}).port = 1


@pytest.mark.parametrize("days", ["29", "1096", "0", "-1"])
def test_secrets_are_kept_within_bounds(days):
    """S-08: long enough for who has a warranty, no longer than the order itself."""
    assert read({}).secret_days == 180
    with pytest.raises(SettingError, match="KASHU_SECRET_DAYS should be from 30 to 1095"):
        read({"KASHU_SECRET_DAYS": days})


def test_an_attestor_is_named_with_its_key_and_secret():
    whole = {"KASHU_ATTESTOR_URL": "http://x", "KASHU_ATTESTOR_KEY": "k", "KASHU_ATTESTOR_SECRET": "s"}
    assert read(whole).attestor_key == "k"
    for name in whole:
        with pytest.raises(SettingError, match="go together"):
            read({other: told for other, told in whole.items() if other != name})


def test_a_registry_is_named_with_its_key_and_secret():
    whole = {"KASHU_REGISTRY_URL": "https://r.example", "KASHU_REGISTRY_KEY": "k", "KASHU_REGISTRY_SECRET": "s"}
    assert read(whole).registry_key == "k"
    for name in whole:
        with pytest.raises(SettingError, match="go together"):
            read({one: text for one, text in whole.items() if one != name})
