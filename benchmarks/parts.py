"""What is measured, and how each ratio is made.

startup, not-due   medians, over the median of ``python -c "import click"`` in the same rounds
small, large       the quickest run, over the quickest of bare_zeep (``time_ratio``) and of bare_lxml
                   (``lxml_ratio``); least peak over least peak of bare_zeep (``memory_ratio``)
large, growth      what a further row costs from the middle size to the greatest, over what it costs from the
                   least to the middle one: 1 is linear
all                ``ideal_ratio``: seconds over the best that is possible: those of one job divided by the jobs,
                   or the processor seconds of one job where these are more

Whatever is timed has to have saved the same entries as the bare scripts beside it, to the öre.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.limits import MODES, Line
from benchmarks.measure import PYTHON, Failed, Figures, interleaved, run
from benchmarks.stage import Stage, open_stage

KLARNA24 = (PYTHON, "-c", "from klarna24.__main__ import main; main()")  # what the installed command runs
CLICK = (PYTHON, "-c", "import click")
# A program that has one model, and does nothing: how near the limits the libraries alone come.
MODEL = "import {}\nclass Table(pydantic.BaseModel): name: str = ''"
LATENCY = 0.02  # seconds, on each request of the part "all"
SMALL = 30  # rows


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured; ``times`` by what is measured so often."""

    rows: Sequence[int]
    profiles: int
    jobs: Sequence[int]
    short_times: int
    small_times: int
    large_times: int


Part = Callable[[Scale, Path], Iterator[Line]]


def startup(scale: Scale, folder: Path) -> Iterator[Line]:
    del folder
    commands = {
        "import click": CLICK,
        "click, pydantic": (PYTHON, "-c", MODEL.format("click, pydantic")),
        "+ requests, zeep": (PYTHON, "-c", MODEL.format("click, pydantic, requests, zeep")),
        "klarna24 --help": (*KLARNA24, "--help"),
    }
    yield from _over_click("startup", interleaved(commands, scale.short_times))


def not_due(scale: Scale, folder: Path) -> Iterator[Line]:
    commands: dict[str, Sequence[str]] = {"import click": CLICK}
    with open_stage(folder) as stage:
        for shops in (1, 20):
            name = f"{shops} profile{'s' * (shops > 1)}"
            config, state = stage.profiles("lump", SMALL, shops), folder / f"state-{shops}"
            commands[name] = _klarna24(config, "--all", state=str(state))
            run(commands[name])  # after which no shop is due before tomorrow
            if len(stage.saved()) != shops:
                raise Failed(f"{name}: the first run did not save its payouts")
        yield from _over_click("not-due", interleaved(commands, scale.short_times))
        if stage.saved():
            raise Failed("a run that was not due has saved something")


def small(scale: Scale, folder: Path) -> Iterator[Line]:
    with open_stage(folder) as stage:
        for mode in MODES:
            yield _beside_bare("small", f"{mode} {SMALL}", stage, stage.profiles(mode, SMALL), scale.small_times)


def large(scale: Scale, folder: Path) -> Iterator[Line]:
    with open_stage(folder) as stage:
        for mode in MODES:
            lines = []
            for rows in sorted(scale.rows):
                what = f"{mode} {rows:,}"
                lines.append(_beside_bare("large", what, stage, stage.profiles(mode, rows), scale.large_times))
                yield lines[-1]
            if mode != "lump" and len(lines) >= 3:
                yield _growth(mode, sorted(scale.rows), lines)


def every(scale: Scale, folder: Path) -> Iterator[Line]:
    """``sync --all``. Once each: it is long, and mostly waits."""
    with open_stage(folder, LATENCY) as stage:
        config = stage.profiles("lump", SMALL, scale.profiles)
        one: Figures | None = None
        peak = 0.0
        for jobs in scale.jobs:
            figures = _saving(
                {
                    "klarna24": _klarna24(config, "--all", "--jobs", str(jobs)),
                    "bare_zeep": (PYTHON, "-m", "benchmarks.bare_zeep", str(config), "--jobs", str(jobs)),
                },
                stage,
                1,
                warm=False,
            )
            ours = figures["klarna24"]
            one, peak = one or ours, ours.peak
            ideal = max(one.least * scale.jobs[0] / jobs, one.runs[0].cpu)
            yield Line("all", f"--jobs {jobs}", _ratios(figures) | {"ideal_ratio": ours.least / ideal})
        if scale.profiles < 2:
            return
        alone = run(_klarna24(stage.profiles("lump", SMALL), "--all", "--jobs", str(scale.jobs[-1])))
        stage.saved()
        yield Line("all", "MiB a profile", {"peak": (peak - alone.peak) / (scale.profiles - 1)})


PARTS: dict[str, Part] = {"startup": startup, "not-due": not_due, "small": small, "large": large, "all": every}


def _klarna24(config: Path, *options: str, state: str = "{state}") -> Sequence[str]:
    return (*KLARNA24, "--config", str(config), "--state-dir", state, "sync", *options)


def _over_click(part: str, figures: dict[str, Figures]) -> Iterator[Line]:
    click = figures["import click"]
    for name, found in figures.items():
        ratio = found.median / click.median
        yield Line(part, name, {"seconds": found.median, "peak": found.peak, "time_ratio": ratio})


def _beside_bare(part: str, what: str, stage: Stage, config: Path, times: int) -> Line:
    commands = {
        "klarna24": _klarna24(config, "--all"),
        "bare_zeep": (PYTHON, "-m", "benchmarks.bare_zeep", str(config)),
        "bare_lxml": (PYTHON, "-m", "benchmarks.bare_lxml", str(config)),
    }
    return Line(part, what, _ratios(_saving(commands, stage, times)))


def _saving(
    commands: Mapping[str, Sequence[str]], stage: Stage, times: int, warm: bool = True
) -> dict[str, Figures]:
    """As :func:`interleaved`. Raises Failed where one of them does not save what the others save."""
    saved: dict[str, list[Any]] = {}

    def compare(name: str) -> None:
        bundles = sorted(({**bundle, "bytes": 0} for bundle in stage.saved()), key=str)
        expected = saved.setdefault("first", bundles)
        if not bundles or bundles != expected:
            raise Failed(f"{name} saved {bundles[:3]}, and the others saved {expected[:3]}")

    return interleaved(commands, times, compare, warm=warm)


def _ratios(figures: dict[str, Figures]) -> dict[str, float]:
    ours, bare, lxml = figures["klarna24"], figures["bare_zeep"], figures.get("bare_lxml")
    ratios = {
        "seconds": ours.least,
        "peak": ours.peak,
        "bare_seconds": bare.least,
        "bare_peak": bare.peak,
        "time_ratio": ours.least / bare.least,
        "memory_ratio": ours.peak / bare.peak,
    }
    if lxml:
        ratios |= {"lxml_seconds": lxml.least, "lxml_peak": lxml.peak, "lxml_ratio": ours.least / lxml.least}
    return ratios


def _growth(mode: str, rows: Sequence[int], lines: Sequence[Line]) -> Line:
    least, middle, most = (lines[place].figures for place in (0, len(lines) // 2, -1))
    below, above = rows[len(rows) // 2] - rows[0], rows[-1] - rows[len(rows) // 2]
    ratios = {
        ratio: ((most[figure] - middle[figure]) / above) / ((middle[figure] - least[figure]) / below)
        for ratio, figure in (("time_ratio", "seconds"), ("memory_ratio", "peak"))
    }
    return Line("large", f"{mode}, growth", ratios)
