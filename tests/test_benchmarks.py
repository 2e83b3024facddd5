"""What docs say of speed is what was measured, and the measuring itself runs."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.__main__ import _row
from benchmarks.limits import LIMITS, Line
from tests.support import ROOT
from tests.support.loading import uncounted

DOCS = (ROOT / "docs" / "performance.md").read_text("utf-8")
RESULTS = json.loads((ROOT / "benchmarks" / "results.json").read_text("utf-8"))
LINES = [Line(**line) for line in RESULTS["lines"]]


def test_the_table_in_docs_is_the_one_that_was_measured() -> None:
    shown = DOCS.split("```")[3].splitlines()[3:]  # the newline, the machine, the heading
    assert [line.rstrip() for line in shown if line.strip()] == [_row(line).rstrip() for line in LINES]


def test_docs_name_each_limit_that_was_missed() -> None:
    missed = {f"{line.part}: {line.what}" for limit in LIMITS for line in LINES if limit.missed(line)}
    assert missed == {fault.rpartition(": ")[0] for fault in RESULTS["missed"]}
    for fault in missed:
        assert fault.partition(": ")[2] in DOCS.split("## What is missed")[1], fault


def test_every_limit_was_measured() -> None:
    measured = {(line.part, line.what) for line in LINES}
    assert {(limit.part, limit.what) for limit in LIMITS} <= measured


def test_the_command_runs_and_klarna24_saves_what_the_bare_scripts_save(tmp_path: Path) -> None:
    ended = subprocess.run(
        [
            sys.executable,
            "-m",
            "benchmarks",
            "large",
            "--quick",
            "--rows",
            "60",
            "--json",
            str(tmp_path / "r.json"),
        ],
        cwd=ROOT,
        env=uncounted(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert [line["what"] for line in json.loads((tmp_path / "r.json").read_text())["lines"]] == [
        "lump 60",
        "itemised 60",
        "itemised-fees 60",
    ]
