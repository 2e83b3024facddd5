"""The benchmark runs, and docs/performance.md shows what it measured."""

from benchmarks.__main__ import COLUMNS, DOCS, LIMITS, NAME, WIDTH, Line
from tests.support import python
from tests.support.loading import uncounted

PAGE = DOCS.read_text("utf-8")


def line(row: str) -> Line:
    """What a row of the table says."""
    cells = [row[NAME + WIDTH * place :][:WIDTH].strip() for place in range(len(COLUMNS))]
    return Line(row[:NAME].strip(), {name: float(it) for name, it in zip(COLUMNS, cells, strict=True) if it})


TABLE = [line(row) for row in PAGE.partition("<!-- measured -->")[2].split("```")[1].splitlines()[4:]]


def test_the_docs_show_each_line_that_has_a_limit() -> None:
    assert {name for name, _ in LIMITS} - {it.name for it in TABLE} == set()


def test_the_docs_explain_each_limit_that_was_missed() -> None:
    missed = [it.name for it in TABLE if it.missed()]
    assert [name for name in missed if f"**{name}**" not in PAGE.partition("## What is missed")[2]] == []


def test_the_benchmark_runs_and_both_scripts_save_the_same_entries() -> None:
    ended = python("-m", "benchmarks", "due", "--rows", "60", "--times", "1", env=uncounted())
    assert ended.returncode == 0, ended.stdout + ended.stderr
    rows = [line(row).name for row in ended.stdout.splitlines()[3:-2]]
    assert rows == ["lump 1,000", "itemised 60", "itemised-fees 60"]
