"""``python -m benchmarks [PART …]``: measures, prints a table, writes it as JSON; 1 where a limit is missed."""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from textwrap import fill
from typing import Any

import click

from benchmarks.limits import LIMITS, Line
from benchmarks.measure import Failed
from benchmarks.parts import PARTS, Scale

COLUMNS = {  # figure → heading, format
    "seconds": ("s", "{:.3f}"),
    "peak": ("MiB", "{:.1f}"),
    "bare_seconds": ("bare s", "{:.3f}"),
    "bare_peak": ("MiB", "{:.1f}"),
    "time_ratio": ("×time", "{:.2f}"),
    "memory_ratio": ("×MiB", "{:.2f}"),
    "lxml_ratio": ("×lxml", "{:.2f}"),
    "ideal_ratio": ("×ideal", "{:.2f}"),
}
WIDTH = 7
LIBRARIES = ("click", "lxml", "pydantic", "requests", "zeep")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    scale = Scale(
        rows=options.rows or ([1_000, 10_000] if options.quick else [1_000, 10_000, 100_000]),
        profiles=options.profiles or (20 if options.quick else 200),
        jobs=sorted(options.jobs) if options.jobs else ([1, 4] if options.quick else [1, 4, 16]),
        short_times=5 if options.quick else 30,
        small_times=3 if options.quick else 10,
        large_times=1 if options.quick else 3,
    )
    lines: list[Line] = []
    missed: list[str] = []
    facts = _machine()
    click.echo(fill(", ".join(f"{name} {value}" for name, value in facts.items()), 80) + "\n" + _heading())
    for part in options.parts or PARTS:
        try:
            for line in _measured(part, scale):
                lines.append(line)
                click.echo(_row(line))
        except Failed as failure:
            missed.append(f"{part}: {failure}")
    missed += [fault for line in lines for limit in LIMITS if (fault := limit.missed(line))]
    document = {
        "version": 1,
        "machine": facts,
        "load_after": os.getloadavg()[0],
        "limits": [asdict(limit) for limit in LIMITS],
        "lines": [asdict(line) for line in lines],
        "missed": missed,
    }
    options.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    click.echo("\n".join(["", *missed]) if missed else "\nwithin all limits")
    return 1 if missed else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    # [] is what argparse looks for among the choices where no part is named
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--rows", type=int, nargs="+", help="sizes of large payouts")
    parser.add_argument("--profiles", type=int, help="how many for the part all")
    parser.add_argument("--jobs", type=int, nargs="+", help="numbers of jobs for the part all")
    parser.add_argument("--quick", action="store_true", help="fewer, smaller: for a first look")
    parser.add_argument("--json", type=Path, default=Path(__file__).with_name("results.json"), metavar="FILE")
    return parser.parse_args(arguments)


def _measured(part: str, scale: Scale) -> Iterator[Line]:
    with tempfile.TemporaryDirectory(prefix="klarna24-benchmark-") as folder:
        yield from PARTS[part](scale, Path(folder))


def _machine() -> dict[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        **{name: version(name) for name in LIBRARIES},
    }


def _heading() -> str:
    return f"{'':<24}" + "".join(f"{heading:>{WIDTH}}" for heading, _ in COLUMNS.values())


def _row(line: Line) -> str:
    """80 columns; a ratio that a line has not is left blank."""
    cells = (
        form.format(line.figures[name]) if name in line.figures else "" for name, (_, form) in COLUMNS.items()
    )
    return f"{line.what:<24}" + "".join(f"{cell:>{WIDTH}}" for cell in cells)


if __name__ == "__main__":
    sys.exit(main())
