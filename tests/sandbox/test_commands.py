"""The commands sandbox and demo."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from klarna24.cli.main import run
from tests.support import ROOT


@pytest.mark.parametrize("arguments", [("sandbox", "--port", "0"), ("demo", "--open")], ids=" ".join)
def test_sigterm_ends_the_command_and_removes_its_folder(arguments: tuple[str, ...], tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    program = [sys.executable, "-m", "klarna24", *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(program, env=environment, cwd=ROOT, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout
        assert process.stderr
        serves = any("Ctrl-C ends it" in line for line in process.stdout)
        folders = [path.name.rpartition("-")[0] for path in tmp_path.glob("klarna24-*")]
        process.terminate()
        errors = process.stderr.read()
    assert serves, errors
    assert folders == [f"klarna24-{arguments[0]}"]
    assert (process.returncode, "Traceback" in errors, list(tmp_path.glob("klarna24-*"))) == (0, False, [])


def test_an_interrupted_demo_ends_with_the_code_of_the_interrupted_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klarna24.cli.demo.run", lambda _: 143)
    assert run(["demo"]) == 143


def test_the_faults_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sandbox", "--fault", "list"]) == 0
    assert "cut-after-save       save      yes   none: the connection is closed" in capsys.readouterr().out


def test_the_demo_drafts_in_the_language_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANGUAGE", "sv")
    assert run(["demo"]) == 0
    printed = capsys.readouterr()
    assert re.search(r"1940 .*… utbetalning +29\s386,82", printed.out)
    assert "utbetalning X2RCVR95 är stoppad" in printed.err
