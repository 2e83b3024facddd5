"""The README and docs say what is so."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import click
import requests

from klarna24 import errors
from klarna24.cli import main as cli
from klarna24.errors import BlockedCode
from tests.support import ROOT
from tests.support.processes import wait_until

README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}


def all_commands() -> dict[str, click.Command]:
    context = click.Context(cli.klarna24)
    return {name: command for name in cli.COMMANDS if (command := cli.klarna24.get_command(context, name))}


def test_every_promise_is_blocked_by_a_test_that_exists() -> None:
    named = re.findall(r"^\| .* \| `(test_\w+)` \|$", README, re.MULTILINE)
    assert named
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in named if f"def {name}(" not in tests] == []


def test_the_worked_examples_are_the_golden_vouchers() -> None:
    examples = re.findall(r"<!-- golden: ([\w-]+) -->\n```\n(.*?)```", DOCS["bookkeeping.md"], re.DOTALL)
    assert len(examples) > 3
    for name, text in examples:
        assert text == (ROOT / "tests" / "unit" / "bookkeeping" / "payouts" / f"{name}.voucher").read_text(
            encoding="utf-8"
        )


def test_the_reasons_to_hold_are_all_in_the_docs() -> None:
    section = DOCS["bookkeeping.md"].split("## What is blocked")[1].split("###")[0]
    assert set(re.findall(r"^\| `([\w-]+)` \|", section, re.MULTILINE)) == set(get_args(BlockedCode))


def test_the_exit_codes_of_the_readme_are_those_of_the_errors() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d) \|", README, re.MULTILINE)}
    classes = {
        cls.exit_code for cls in vars(errors).values() if isinstance(cls, type) and hasattr(cls, "exit_code")
    }
    assert codes == {0} | {code for code in classes if isinstance(code, int)}


def test_the_commands_of_the_readme_are_those_of_the_program() -> None:
    block = README.split("## Commands\n\n```")[1].split("```")[0]
    lines = re.sub(r"\n {6,}", " ", block).splitlines()[2:]
    described = {words[0]: set(re.findall(r"--[\w-]+", line)) for line in lines if (words := line.split())}
    for name, command in all_commands().items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert described[name] <= options, name
    assert set(described) == set(cli.COMMANDS)


def test_the_picture_of_the_house_names_every_room() -> None:
    picture = README.split("## The house")[1]
    rooms = {path.name for path in (ROOT / "klarna24").glob("*.py")} - {"__init__.py"}
    rooms |= {f"{path.parent.name}/" for path in (ROOT / "klarna24").glob("*/__init__.py")}
    assert [room for room in sorted(rooms) if room not in picture] == []


def test_links_lead_somewhere() -> None:
    for base, text in [(ROOT, README), *((ROOT / "docs", text) for text in DOCS.values())]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[\w-]*)?\)", text):
            assert (base / target).exists(), target


def test_every_command_explains_itself() -> None:
    for command in [cli.klarna24, *all_commands().values()]:
        assert isinstance(command, click.Command)
        assert command.help
        for parameter in command.params:
            assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


def test_the_demo_ends_well_in_an_empty_home_and_leaves_nothing(home: Path, tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    result = subprocess.run(
        [sys.executable, "-m", "klarna24", "demo"],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(temporary)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "11 payouts became 11 vouchers" in result.stdout
    assert "Nothing new" in result.stdout
    assert "Traceback" not in result.stderr
    assert not list(home.iterdir())
    assert not list(temporary.iterdir())


def test_the_demo_leaves_the_ledger_open_until_ctrl_c_and_then_nothing(home: Path, tmp_path: Path) -> None:
    temporary, said = tmp_path / "temporary", tmp_path / "said"
    temporary.mkdir()
    program = [sys.executable, "-m", "klarna24"]
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(temporary)}
    with said.open("w") as out, ctrl_c_is_heard():
        demo = subprocess.Popen([*program, "demo", "--open"], env=environment, cwd=ROOT, stdout=out, stderr=out)
    try:
        wait_until(lambda: "Ctrl-C ends it" in said.read_text("utf-8") or demo.poll() is not None)
        text = said.read_text("utf-8")
        (address,) = re.findall(r"^In a browser, .*: (http://127\.0\.0\.1:\d+/)$", text, re.MULTILINE)
        page = requests.get(address, timeout=5)
        assert page.text.count("<form") == 11
        exports = dict(re.findall(r"^  export (\w+)=(.+)$", text, re.MULTILINE))
        for command in re.findall(r"^  klarna24 (.+)$", text, re.MULTILINE):
            subprocess.run(
                [*program, *command.split()], env=environment | exports, cwd=ROOT, timeout=30, check=True
            )
        demo.send_signal(signal.SIGINT)
        assert demo.wait(10) == 0
    finally:
        demo.kill()
        demo.wait()
    assert "Traceback" not in said.read_text("utf-8")
    assert not list(home.iterdir())
    assert not list(temporary.iterdir())


@contextmanager
def ctrl_c_is_heard() -> Iterator[None]:
    """By what is started meanwhile, too, where the tests themselves run in the background and hear none."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
