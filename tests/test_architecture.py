"""Rules of the house that a machine can check. Each check is shown to fail on a planted violation."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for path in ROOT.joinpath("kashu").rglob("*.py") if "migrations" not in path.parts)
DOMAIN = ("audit", "messages", "ledger", "party", "compliance", "catalog", "cards", "payments", "sales", "settlement",
          "aftersale")  # fmt: skip
NAMES = {"__init__", "types", "rules", "store", "service", "queries", "models"}
PROTOCOLS = {("payments", name) for name in ("alipay", "douyinpay", "signing", "wechatpay")}  # pure; no database
QUIET = {"types", "rules", "store", "service"}
SCREENS = ("web", "api", "server")


def test_a_module_is_entered_by_its_front_door():
    """`from kashu import cards`, yes; `from kashu.cards.store import …` from next door, no."""
    assert [found for path in SOURCES for found in back_doors(path.relative_to(ROOT), path.read_text())] == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("kashu/sales/rules.py", "from kashu.cards.store import pick"),
        ("kashu/till/app.py", "from kashu.cards import queries"),
        ("kashu/till/app.py", "import kashu.cards.queries"),
    ],
)
def test_a_planted_back_door_is_found(path, source):
    assert back_doors(Path(path), source) != []


def test_the_domain_never_commits_nor_calls_the_world():
    assert [found for path in SOURCES for found in worldly(path.relative_to(ROOT), path.read_text())] == []


@pytest.mark.parametrize(
    "source", ["db.commit()", "with db.transaction(): pass", "import httpx", "import time\ntime.sleep(1)"]
)
def test_a_planted_commit_or_call_is_found(source):
    assert worldly(Path("kashu/sales/service/settle.py"), source) != []


def test_a_domain_module_has_the_seven_names_and_no_other():
    found = {
        (module, path.relative_to(ROOT / "kashu" / module).parts[0].removesuffix(".py"))
        for module in DOMAIN
        for path in ROOT.joinpath("kashu", module).rglob("*.py")
        if "migrations" not in path.parts
    }
    assert {pair for pair in found if pair[1] not in NAMES} == PROTOCOLS


def test_a_function_fits_on_a_screen_and_a_file_in_a_sitting():
    long = [found for path in SOURCES for found in too_long(path.relative_to(ROOT), path.read_text())]
    assert long == []


def test_a_planted_giant_is_found():
    assert too_long(Path("x.py"), "def f():\n" + "    pass\n" * 60) != []
    assert too_long(Path("x.py"), "pass\n" * 401) != []


def test_the_layers_hold():
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))], cwd=ROOT, capture_output=True, text=True
    )
    assert "0 broken" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("kashu/ledger/rules.py", "from kashu import sales", "Arrows point down"),
        ("kashu/sales/rules/checkout.py", "import django", "do not know Django"),
        ("kashu/till/batching.py", "from allauth import account", "do not know Django"),
        ("kashu/wire/health.py", "import sandbox", "simulators"),
    ],
)
def test_a_planted_import_breaks_the_contract(tmp_path, file, line, contract):
    for name in ("kashu", "sandbox"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(tmp_path / name)], check=True)
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    planted = tmp_path / file
    planted.write_text(
        planted.read_text().replace(
            "from __future__ import annotations\n", f"from __future__ import annotations\n{line}\n", 1
        )
    )
    tool = str(Path(sys.executable).with_name("lint-imports"))
    done = subprocess.run([tool, "--no-cache"], cwd=tmp_path, capture_output=True, text=True)

    broken = [told for told in done.stdout.splitlines() if told.endswith("BROKEN")]
    assert any(contract in told for told in broken), done.stdout


def back_doors(path: Path, source: str) -> list[str]:
    home, found = path.parts[1], []
    for name in imported(ast.parse(source)):
        parts = name.split(".")
        if parts[0] != "kashu" or len(parts) < 3 or parts[1] not in DOMAIN or parts[1] == home:
            continue
        is_screen = home in SCREENS and parts[2] in ("queries", "models")
        if parts[2] in NAMES and not is_screen:
            found.append(f"{path} reaches into {name}")
    return found


def worldly(path: Path, source: str) -> list[str]:
    parts = path.with_suffix("").parts
    if parts[1] not in (*DOMAIN, "kernel") or (parts[1] in DOMAIN and parts[2] not in QUIET) or parts[-1] == "db":
        return []
    tree = ast.parse(source)
    calls = {
        node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }
    bad = calls & {"commit", "rollback", "transaction", "sleep", "urlopen"}
    bad |= {
        name
        for name in imported(tree)
        if name.split(".")[0] in ("httpx", "requests", "socket", "urllib", "smtplib")
        and not name.startswith("urllib.parse")  # taking an address apart calls nobody
    }
    return [f"{path} uses {name}" for name in sorted(bad)]


def too_long(path: Path, source: str) -> list[str]:
    tree = ast.parse(source)
    found = (
        [f"{path} has {len(source.splitlines())} lines"]
        if len(source.splitlines()) > 400 and path.name != "icons.py"
        else []
    )
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= 60:
            found.append(f"{path}:{node.lineno} {node.name} is too long")
    return found


def imported(tree: ast.AST) -> list[str]:
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return names
