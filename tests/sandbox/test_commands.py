"""The commands sandbox and demo, as processes of their own."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from klarna24.cli.main import run
from tests.support import ROOT
from tests.support.processes import wait_until


@pytest.mark.parametrize("arguments", [("sandbox", "--port", "0"), ("demo", "--open")], ids=" ".join)
def test_sigterm_ends_the_command_and_removes_its_folder(
    arguments: tuple[str, ...], home: Path, tmp_path: Path
) -> None:
    folder, output = tmp_path / "temporary", tmp_path / "output"
    folder.mkdir()
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(folder)}
    with output.open("w") as out:
        program = [sys.executable, "-m", "klarna24", *arguments]
        process = subprocess.Popen(program, env=environment, cwd=ROOT, stdout=out, stderr=out)
    try:
        wait_until(lambda: "Ctrl-C ends it" in output.read_text("utf-8") or process.poll() is not None)
        assert [path.name.split("-")[1] for path in folder.iterdir()] == [arguments[0]], output.read_text("utf-8")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
    assert "Traceback" not in output.read_text("utf-8")
    assert not list(folder.iterdir())


def test_an_interrupted_demo_ends_with_the_code_of_the_interrupted_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("klarna24.cli.demo.run", lambda _: 143)
    assert run(["demo"]) == 143


def test_the_faults_are_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sandbox", "--fault", "list"]) == 0
    assert "cut-after-save       save      yes   none: the connection is closed" in capsys.readouterr().out
