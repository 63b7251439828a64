"""The docs are true: generated pages are fresh, links lead somewhere, the tutorial's commands run."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from pathlib import Path

import pytest

from kashu.server import reference

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.joinpath("docs").rglob("*.md")])


def test_generated_pages_are_fresh(house):
    """Remake them with `.venv/bin/python -m kashu.server.reference`."""
    stale = [name for name, text in reference.pages(house).items() if (reference.FOLDER / name).read_text() != text]
    assert stale == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_has_its_chinese_twin():
    english, chinese = (
        re.findall(r"^(#+) ", ROOT.joinpath(name).read_text(), re.MULTILINE)
        for name in ("README.md", "README.zh-CN.md")
    )
    assert english == chinese


def test_every_setting_and_command_in_the_docs_exists():
    from dataclasses import fields

    from kashu.server.env import Env

    known = {f"KASHU_{spec.name.upper()}" for spec in fields(Env)}
    for page in PAGES:
        named = set(re.findall(r"\bKASHU_[A-Z_]+\b", page.read_text()))
        assert named - known - {"KASHU_"} == set(), page


@pytest.mark.browser
def test_the_tutorials_commands_run(kashu_running):
    """Every `$ ` line in the console blocks of docs/tutorial.md, in order, on a fresh house."""
    blocks = re.findall(r"```console\n(.*?)```", ROOT.joinpath("docs/tutorial.md").read_text(), re.DOTALL)
    commands = [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    commands = [command for command in commands if "script/" not in command]
    assert len(commands) >= 4
    with tempfile.TemporaryDirectory() as folder:
        for command in commands:
            done = subprocess.run(
                ["bash", "-c", command.replace("/tmp/", f"{folder}/")],
                cwd=ROOT,
                env=kashu_running.env,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, f"{shlex.quote(command)}\n{done.stdout}{done.stderr}"


@pytest.fixture
def kashu_running():
    from tests.journeys.conftest import start, stop
    from tests.ports import free_port

    folder = Path(tempfile.mkdtemp(prefix="kashu-tutorial-"))
    folder.chmod(0o711)
    running = start(folder / "var", free_port(4))
    yield running
    stop(running)


def test_nothing_of_this_machine_is_committed():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    for name in files:
        text = (ROOT / name).read_bytes().decode(errors="ignore")
        if name.endswith((".txt", "lock.json", ".in")):
            assert not re.search(r'"resolved": *"http|--(extra-)?index-url|--find-links', text), name
        assert not re.search(r"(^|[^A-Za-z0-9_.])/(work|farm)/", text), name
