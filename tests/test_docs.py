"""The documents describe the program as it is, in its own words."""

import json
import math
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pexpect
import pytest
import requests
from click.testing import CliRunner

from klarna24.bookkeeping.mapping import voucher_for
from klarna24.cli.main import COMMANDS, klarna24
from klarna24.errors import Blocked, ProblemCode
from klarna24.state.records import Status
from klarna24.text.sentences import Language
from tests.support import ROOT, bookkeeping, data, manual, python, type_table
from tests.support.processes import wait_until

PACKAGE = ROOT / "klarna24"
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
}
REFERENCE = PAGES["docs/reference.md"]
ARCHITECTURE = PAGES["docs/architecture.md"]
BOOKKEEPING = {"docs/bookkeeping.md": "What is blocked", "docs/bookkeeping.sv.md": "Vad som stoppas"}
GOLDEN = ROOT / "tests" / "unit" / "bookkeeping" / "payouts"


def section(page: str, heading: str) -> str:
    """The text below the heading, up to the next heading of any level."""
    return re.split(r"^#+ ", page.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def block(text: str) -> str:
    """The first code block of the text."""
    return text.split("```")[1].partition("\n")[2]


# What the documents say of the program


def test_every_promise_names_a_test_that_exists() -> None:
    promises = section(PAGES["docs/safety.md"], "Each promise and its test")
    named = re.findall(r"^\| .+ \| `(test_\w+)` \|$", promises, re.MULTILINE)
    assert len(named) == len(re.findall(r"^\| ", promises, re.MULTILINE)) - 1  # the head of the table
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    assert [name for name in named if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("page", [*BOOKKEEPING, "docs/accounts-no.md"])
def test_the_worked_examples_are_the_golden_vouchers(page: str) -> None:
    examples = re.findall(r"<!-- golden: ([\w-]+) -->\n```\n(.*?)```", PAGES[page], re.DOTALL)
    assert len(examples) > 3
    for name, text in examples:
        assert text == (GOLDEN / f"{name}.voucher").read_text(encoding="utf-8"), name


@pytest.mark.parametrize("page", BOOKKEEPING)
def test_a_blocked_payout_says_what_the_page_says(page: str) -> None:
    examples = re.findall(r"<!-- blocked: ([\w-]+) -->\n```\n(.*?)→(.*?)```", PAGES[page], re.DOTALL)
    assert len(examples) > 1
    for name, *texts in examples:
        given = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
        payout, rows = bookkeeping.payout_of(given["payout"]), bookkeeping.transactions(given["rows"])
        with pytest.raises(Blocked) as blocked:
            voucher_for(payout, rows, bookkeeping.profile(given["profile"]), bookkeeping.books())
        assert [" ".join(text.split()) for text in texts] == [blocked.value.message, blocked.value.hint]


@pytest.mark.parametrize(("page", "language"), type_table.PAGES.items())
def test_the_table_of_detailed_types_is_the_programs(page: str, language: Language) -> None:
    shown = type_table.BLOCK.findall(PAGES[page])
    assert shown == [type_table.table(language)], "run python -m tests.support.type_table"


@pytest.mark.parametrize(("page", "heading"), BOOKKEEPING.items())
def test_the_reasons_to_block_a_payout_are_those_of_the_program(page: str, heading: str) -> None:
    described = re.findall(r"^\| `([\w-]+)` \|", section(PAGES[page], heading), re.MULTILINE)
    assert sorted(described) == sorted(blocking())


def blocking() -> set[ProblemCode]:
    """The codes of a blocked payout."""
    return {code for code in ProblemCode if code.exit_code == 7} - {ProblemCode.CHANGED}


def test_the_problem_codes_are_those_of_the_program() -> None:
    described = re.findall(r"^\| `([\w-]+)` \| (\d) \|", section(REFERENCE, "JSON"), re.MULTILINE)
    others = set(ProblemCode) - blocking()
    assert sorted(described) == sorted((str(code), str(code.exit_code)) for code in others)


def test_the_statuses_are_those_of_the_program() -> None:
    table = section(REFERENCE, "JSON").split("| `code` |")[0].split("| `status` |")[1]
    described = re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE)
    assert sorted(described) == sorted(set(Status) - {Status.SENDING})


def test_the_exit_codes_are_those_of_the_program() -> None:
    described = re.findall(r"^\| (\d) \|", section(REFERENCE, "Exit codes"), re.MULTILINE)
    shown = re.findall(r"^ +(\d)  \w", CliRunner().invoke(klarna24, ["--help"], obj=None).output, re.MULTILINE)
    assert described == shown
    assert {int(code) for code in described} == {0, *(code.exit_code for code in ProblemCode)}


def commands() -> dict[str, click.Command]:
    context = click.Context(klarna24)
    return {name: command for name in COMMANDS if (command := klarna24.get_command(context, name))}


def options(command: click.Command) -> set[str]:
    """The long options of a command, and of the commands below it."""
    if isinstance(command, click.Group) and command is not klarna24:
        return {name for below in command.commands.values() for name in options(below)}
    return {
        name
        for it in command.params
        if not getattr(it, "hidden", False)
        for name in it.opts
        if name.startswith("--")
    } - {"--version"}


def test_the_commands_and_their_options_are_those_of_the_program() -> None:
    first, *lines = re.sub(r"\n {6,}", " ", block(section(REFERENCE, "Commands"))).splitlines()
    described = {line.split()[0]: set(re.findall(r"--[\w-]+", line)) for line in lines}
    assert described == {name: options(command) for name, command in commands().items()}
    assert set(re.findall(r"--[\w-]+", first)) == options(klarna24)


# What they say of the code


def test_the_manual_page_is_the_help_of_the_commands() -> None:
    assert manual.PAGE.read_text("utf-8") == manual.manual(), "python -m tests.support.manual writes it anew"


def test_the_layout_names_every_package_and_every_module_beside_them() -> None:
    picture: set[str] = set()
    folder = ""
    for line in block(section(ARCHITECTURE, "The layout")).splitlines():
        if entry := re.match(r"  (\w+(?:/|\.py)) ", line):
            folder = entry[1]
            picture.add(folder)
        elif entry := re.match(r"    (\w+/) ", line):
            picture.add(folder + entry[1])
    packages = {f"{path.parent.relative_to(PACKAGE)}/" for path in PACKAGE.glob("*/**/__init__.py")}
    modules = {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py"}
    assert picture == packages | modules


def test_the_import_layers_are_those_that_import_linter_checks() -> None:
    shown = [line.split() for line in block(section(ARCHITECTURE, "The import layers")).splitlines()]
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = [set(layer.split(" | ")) for layer in rules["contracts"][0]["layers"]]
    assert [set(names) for names in shown if names != ["│"]] == layers


def test_a_payouts_way_is_told_in_ten_lines_that_name_one_module_each() -> None:
    way = section(ARCHITECTURE, "A payout's way, from Klarna's answer to the save")
    lines = re.findall(r"^\d+\. (.+)$", way, re.MULTILINE)
    assert [len(re.findall(r"`[\w/]+\.py`", line)) for line in lines] == [1] * 10


def test_the_modules_that_the_architecture_names_exist() -> None:
    named = re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", ARCHITECTURE)
    assert len(named) > 20
    assert [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()] == []


def test_every_module_of_a_run_is_described() -> None:
    described = re.search(r"^`run/` in one line each: (.+?)\n\n", ARCHITECTURE, re.MULTILINE | re.DOTALL)
    assert described
    modules = {path.name for path in (PACKAGE / "run").glob("*.py")} - {"__init__.py"}
    assert set(re.findall(r"`(\w+\.py)`", described[1])) == modules


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.MULTILINE)


def anchor(heading: str) -> str:
    """What a link writes behind # to reach the heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^):]+)\)", PAGES[page]):
        path, _, heading = target.partition("#")
        aim = ((ROOT / page).parent / path).resolve() if path else ROOT / page
        assert aim.exists(), target
        if heading:
            assert heading in map(anchor, headings(PAGES[str(aim.relative_to(ROOT))])), target


def test_what_comments_cite_stands_in_the_documents() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = re.sub(r"\n *(# )?", " ", path.read_text("utf-8"))  # a citation may be broken over two lines
        for page, heading in re.findall(r"(docs/[\w/]+\.md), \"([^\"]+)\"", text):
            assert heading in headings(PAGES[page]), f"{path}: {page}, {heading}"


# Words

WORDS = data(__file__, "words.toml")
BANNED, ALLOWED = WORDS["banned"], WORDS["allowed"]


def texts() -> Iterator[tuple[str, str]]:
    """Each line of code, documents, settings and catalogues, and the names of tests, without what is allowed."""
    files = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.po"), *(ROOT / "benchmarks").rglob("*.py")]
    files += [*map(ROOT.joinpath, PAGES), ROOT / "profiles.example.toml", ROOT / "pyproject.toml"]
    for path in files:
        allowed = allowed_in(path)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            yield f"{path.relative_to(ROOT)}:{number}", allowed.sub("", line)
    for path in (ROOT / "tests").rglob("test_*.py"):
        for test in re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE):
            yield str(path.relative_to(ROOT)), allowed_in(path).sub("", test)


def allowed_in(path: Path) -> re.Pattern[str]:
    name = str(path.relative_to(ROOT))
    return re.compile("|".join(words for start, words in ALLOWED.items() if name.startswith(start)))


@pytest.mark.parametrize("word", BANNED)
def test_no_text_uses_a_banned_word(word: str) -> None:
    banned = re.compile(rf"(?<![A-Za-z])(?:{BANNED[word]})(?![A-Za-z])", re.IGNORECASE)
    found = [f"{place}: {line.strip()}" for place, line in texts() if banned.search(line)]
    assert not found, "\n".join(found)


# The demo


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """An empty folder, the TMPDIR of the demo."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


def bare(home: Path, temporary: Path) -> dict[str, str]:
    """An environment with nothing else in it."""
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "TMPDIR": str(temporary)}


def test_the_demo_succeeds_in_an_empty_home_and_leaves_nothing(home: Path, temporary: Path) -> None:
    result = python("-m", "klarna24", "demo", env=bare(home, temporary), timeout=60)
    assert result.returncode == 0, result.stderr
    assert "11 payouts became 11 drafts" in result.stdout
    assert "Nothing new" in result.stdout
    assert "Traceback" not in result.stderr
    assert [*home.iterdir(), *temporary.iterdir()] == []


def test_the_demo_fits_sixty_lines_of_a_terminal_and_says_three_things_to_try(home: Path, temporary: Path) -> None:
    demo = pexpect.spawn(
        sys.executable,
        ["-m", "klarna24", "demo"],
        env=bare(home, temporary) | {"PYTHONPATH": str(ROOT)},
        dimensions=(24, 80),
        encoding="utf-8",
    )
    demo.expect(pexpect.EOF, timeout=60)
    lines = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]", "", demo.before or "").replace("\r", "").strip("\n").split("\n")
    assert sum(max(1, math.ceil(len(line) / 80)) for line in lines) <= 60
    assert len(re.findall(r"^   klarna24 ", "\n".join(lines[-4:]), re.MULTILINE)) == 3


def test_the_demo_leaves_its_page_open_until_ctrl_c_and_then_nothing(
    home: Path, temporary: Path, tmp_path: Path
) -> None:
    environment, output = bare(home, temporary), tmp_path / "output"
    command = [sys.executable, "-m", "klarna24", "demo", "--open"]
    with output.open("w") as file:
        demo = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=file, stderr=file)
    try:
        wait_until(lambda: "Ctrl-C ends it" in output.read_text("utf-8") or demo.poll() is not None)
        text = output.read_text("utf-8")
        (address,) = re.findall(r"^In a browser, .*: (http://127\.0\.0\.1:\d+/)$", text, re.MULTILINE)
        page = requests.get(address, timeout=30)
        assert page.text.count("<form") == 11
        exports = dict(re.findall(r"^  export (\w+)=(.+)$", text, re.MULTILINE))
        for command in re.findall(r"^  klarna24 (.+)$", text, re.MULTILINE):
            assert python("-m", "klarna24", *command.split(), env=environment | exports).returncode == 0
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    finally:
        demo.kill()
        demo.wait()
    assert "Traceback" not in output.read_text("utf-8")
    assert [*home.iterdir(), *temporary.iterdir()] == []
