"""Measures klarna24 beside a bare script that does the same; prints a table. Ends with 1 if a limit is missed."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks.server import write_profiles
from benchmarks.years import grow, spread

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs" / "performance.md"
PYTHON = sys.executable
KLARNA24 = (PYTHON, "-c", "from klarna24.__main__ import main; main()")  # what the installed command runs
COLUMNS = {  # figure → heading, format
    "seconds": ("s", "{:.3f}"),
    "peak": ("MiB", "{:.1f}"),
    "bare_seconds": ("bare s", "{:.3f}"),
    "bare_peak": ("MiB", "{:.1f}"),
    "time_ratio": ("×time", "{:.2f}"),
    "memory_ratio": ("×MiB", "{:.2f}"),
    "ideal_ratio": ("×ideal", "{:.2f}"),
}
NAME, WIDTH = 24, 8  # characters
LIMITS = {  # line, figure → the most that is allowed
    ("klarna24 --help", "time_ratio"): 1.3,
    ("not due, 1 profile", "time_ratio"): 1.3,
    ("itemised 100,000", "time_ratio"): 1.2,
    ("itemised 100,000", "memory_ratio"): 1.25,
    ("itemised-fees 100,000", "time_ratio"): 1.2,
    ("itemised-fees 100,000", "memory_ratio"): 1.25,
    ("--jobs 4", "ideal_ratio"): 1.4,
    ("--jobs 16", "ideal_ratio"): 1.4,
}
DAYS = 1820  # five years
YEARS = ("sync --all", "status", "sync --all --now", "log", "log --json", "dry-run --profile shop7")
LATENCY = 0.02  # seconds before each answer of the part "all"


class Failed(Exception):
    """A command did not end with 0, or did not do what it is measured for."""


class Line(NamedTuple):
    """A line of the table: seconds, MiB, and ratios, by the names in COLUMNS."""

    name: str
    figures: dict[str, float]

    def __str__(self) -> str:
        cells = (form.format(self.figures[it]) if it in self.figures else "" for it, (_, form) in COLUMNS.items())
        return f"{self.name:<{NAME}}" + "".join(f"{cell:>{WIDTH}}" for cell in cells).rstrip()

    def missed(self) -> list[str]:
        """The limits that this line exceeds, each as a sentence."""
        limits = {figure: most for (name, figure), most in LIMITS.items() if name == self.name}
        return [
            f"{self.name}: {figure} is {self.figures[figure]:.2f}, and at most {most:g} is allowed"
            for figure, most in limits.items()
            if self.figures[figure] > most
        ]


class Run(NamedTuple):
    """Wall-clock and processor seconds, and peak resident memory in MiB."""

    seconds: float
    processor: float
    peak: float


def run(command: Sequence[str]) -> Run:
    """Runs it to its end; ``{state}`` in it becomes an empty folder. Raises Failed with what it printed.

    Linux counts this process's memory at the fork as the child's own peak: this process must stay the smaller one.
    """
    with tempfile.TemporaryDirectory(prefix="klarna24-") as state, tempfile.TemporaryFile() as output:
        started = datetime.now(UTC)
        arguments = [word.replace("{state}", state) for word in command]
        streams = [(os.POSIX_SPAWN_DUP2, output.fileno(), number) for number in (1, 2)]
        child = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=streams)
        _, status, usage = os.wait4(child, 0)
        seconds = (datetime.now(UTC) - started).total_seconds()
        if code := os.waitstatus_to_exitcode(status):
            output.seek(0)
            raise Failed(f"{' '.join(command[-4:])}: ended with {code}: {output.read()[-300:].decode()}")
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


class Vendors:
    """The running server of both vendors, and the folder of the profiles.toml files for it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder

    def sync(self, transfer: str, rows: int, shops: int = 1, jobs: int = 1) -> dict[str, Sequence[str]]:
        """The commands that save the payouts of so many shops: klarna24's and the bare script's."""
        path = str(write_profiles(self.url, self.folder, transfer, rows, shops))
        options = ("--config", path, "--state-dir", "{state}", "sync", "--all", "--jobs", str(jobs))
        bare = (PYTHON, "-m", "benchmarks.bare_zeep", path, str(jobs))
        return {"klarna24": (*KLARNA24, *options), "bare": bare}

    def profiles(self, shops: int, days: int) -> Path:
        """profiles.toml of so many shops that began so many days before their newest payout, with one a day."""
        return write_profiles(self.url, self.folder, "lump", 0, shops, days)

    def saved(self) -> list[str]:
        """A digest of each bundle that was saved since this was last asked."""
        with urllib.request.urlopen(f"{self.url}/saved") as answer:  # noqa: S310 - our own server
            found: list[str] = json.load(answer)
        return found

    def measured(self, commands: Mapping[str, Sequence[str]], times: int) -> dict[str, Run]:
        """The best of so many rounds. Raises Failed where the commands do not save the same entries."""
        runs: dict[str, list[Run]] = {name: [] for name in commands}
        first = None
        for _ in range(times):
            for name, command in commands.items():
                runs[name].append(run(command))
                saved = self.saved()
                first = first or saved
                if not saved or saved != first:
                    raise Failed(f"{name} saved other entries than the others")
        return {name: Run(*map(min, zip(*them, strict=True))) for name, them in runs.items()}


@contextmanager
def vendors(latency: float = 0.0, rows: Sequence[int] = ()) -> Iterator[Vendors]:
    """The server runs in a process of its own as long as this is open."""
    command = [PYTHON, "-m", "benchmarks.server", str(latency), *map(str, rows)]
    with (
        tempfile.TemporaryDirectory(prefix="klarna24-") as folder,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server,  # noqa: S603 - our own module
    ):
        try:
            yield Vendors(server.stdout.readline().strip() if server.stdout else "", Path(folder))
        finally:
            server.terminate()


def start_up(options: argparse.Namespace) -> Iterator[Line]:
    """Medians of short commands, each over the median of a bare import in the same rounds."""
    with vendors() as office, tempfile.TemporaryDirectory(prefix="klarna24-") as folder:
        not_due = {}
        for shops in (1, 20):
            command = [
                word.replace("{state}", f"{folder}/{shops}") for word in office.sync("lump", 30, shops)["klarna24"]
            ]
            run(command)  # after which no shop is due before tomorrow
            not_due[f"not due, {shops} profile{'s' * (shops > 1)}"] = command
        office.saved()
        click, imports = "import click", "import click, pydantic, sqlite3, tomllib"
        model = f"{imports}\nclass Table(pydantic.BaseModel): name: str"
        group = {click: (PYTHON, "-c", click), "klarna24 --help": (*KLARNA24, "--help")}
        yield from over_first(group, options)
        group = {f"{click}, pydantic …": (PYTHON, "-c", imports), "and one model": (PYTHON, "-c", model)}
        yield from over_first({**group, **not_due}, options)
        if office.saved():
            raise Failed("a run that was not due has saved something")


def over_first(commands: Mapping[str, Sequence[str]], options: argparse.Namespace) -> Iterator[Line]:
    """Medians of short commands, over that of the first; the first round only warms the caches."""
    rounds = [
        {name: run(command).seconds for name, command in commands.items()} for _ in range(options.times * 5 + 1)
    ]
    seconds = {name: median(them[name] for them in rounds[1:]) for name in commands}
    base = next(iter(seconds.values()))
    yield from (Line(name, {"seconds": its, "time_ratio": its / base}) for name, its in seconds.items())


def due(options: argparse.Namespace) -> Iterator[Line]:
    """A run with one new payout; without entries for its rows, their number makes no difference."""
    sizes = [("lump", 1000), *((mode, rows) for mode in ("itemised", "itemised-fees") for rows in options.rows)]
    with vendors(rows=options.rows) as office:
        for mode, rows in sizes:
            yield Line(f"{mode} {rows:,}", ratios(office.measured(office.sync(mode, rows), options.times)))


def every(options: argparse.Namespace) -> Iterator[Line]:
    """``sync --all``; the best possible is the time of one job divided by the jobs, or the processor's time."""
    with vendors(LATENCY) as office:
        one: Run | None = None
        for jobs in (1, 4, 16):
            runs = office.measured(office.sync("lump", 30, options.profiles, jobs), 1)
            ours = runs["klarna24"]
            one = one or ours
            ideal = max(one.seconds / jobs, one.processor)
            yield Line(f"--jobs {jobs}", ratios(runs) | {"ideal_ratio": ours.seconds / ideal})


def ratios(runs: Mapping[str, Run]) -> dict[str, float]:
    """klarna24 over the bare script."""
    ours, bare = runs["klarna24"], runs["bare"]
    return {
        "seconds": ours.seconds,
        "peak": ours.peak,
        "bare_seconds": bare.seconds,
        "bare_peak": bare.peak,
        "time_ratio": ours.seconds / bare.seconds,
        "memory_ratio": ours.peak / bare.peak,
    }


def years(options: argparse.Namespace) -> Iterator[Line]:
    """Fifty shops after five years with a payout a day, over the same shops on their first day (``bare``)."""
    with vendors() as office, tempfile.TemporaryDirectory(prefix="klarna24-") as folder:
        places = {"bare": Path(folder, "fresh"), "klarna24": Path(folder, "years")}
        configs = {"bare": office.profiles(50, 0), "klarna24": office.profiles(50, DAYS - 1)}
        run(on(configs["bare"], ("--state-dir", str(places["bare"])), "sync --all"))
        shutil.copytree(places["bare"], places["klarna24"])
        grow(places["klarna24"], DAYS)
        wheres = {name: kept_at(place, configs[name], options) for name, place in places.items()}
        for name, where in wheres.items():  # the first listing after a new start_date goes back to it
            run(on(configs[name], where, "sync --all --now"))
        for words in YEARS:
            commands = {name: on(configs[name], where, words) for name, where in wheres.items()}
            rounds = [{name: run(command) for name, command in commands.items()} for _ in range(options.times)]
            runs = {
                name: Run(*map(median, zip(*(them[name] for them in rounds), strict=True))) for name in commands
            }
            yield Line(f"years: {words}", ratios(runs))


def hosts(options: argparse.Namespace) -> Iterator[Line]:
    """A host with so many shops, each with a payout: a run that is not due, and one with nothing new."""
    with vendors() as office:
        for shops in options.shops:
            with tempfile.TemporaryDirectory(prefix="klarna24-") as folder:
                place = Path(folder, "state")
                run(on(office.profiles(1, 0), ("--state-dir", str(place)), "sync --all"))
                spread(place, shops)
                config = office.profiles(shops, 0)
                where = kept_at(place, config, options)
                for name, words in {"not due": "sync --all", "nothing new": "sync --all --now --jobs 16"}.items():
                    its = run(on(config, where, words))
                    yield Line(f"{shops:,} shops, {name}", {"seconds": its.seconds, "peak": its.peak})


def on(config: Path, where: Sequence[str], words: str) -> Sequence[str]:
    """The command line of klarna24."""
    return (*KLARNA24, "--config", str(config), *where, *words.split())


def kept_at(place: Path, config: Path, options: argparse.Namespace) -> Sequence[str]:
    """The options for the state in this folder, or for its copy at the address that was given."""
    if not options.state:
        return ("--state-dir", str(place))
    address = options.state.replace("{name}", place.name)
    host = ("--state-dir", str(place.with_name(f"{place.name}-host")))
    run((*KLARNA24, "--config", str(config), *host, "state", "copy", "--from", str(place), "--to", address))
    return (*host, "--state", address)


PARTS = {"startup": start_up, "due": due, "all": every, "years": years, "hosts": hosts}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints each line as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all unless named")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="sizes of payouts")
    parser.add_argument("--profiles", type=int, default=200, help="number of profiles for the part all")
    parser.add_argument("--shops", type=int, nargs="+", default=[1_000, 10_000], help="for the part hosts")
    parser.add_argument(
        "--state", metavar="ADDRESS", help="keep the states of years and hosts here; {name} is theirs"
    )
    parser.add_argument("--times", type=int, default=4, help="rounds of each part but all")
    parser.add_argument("--docs", action="store_true", help=f"write the table into {DOCS.relative_to(ROOT)}")
    options = parser.parse_args(arguments)
    machine = f"# {datetime.now(UTC).date()}, Python {platform.python_version()}, {os.cpu_count()} processors"
    libraries = ", ".join(f"{name} {version(name)}" for name in ("click", "lxml", "pydantic", "requests", "zeep"))
    heading = " " * NAME + "".join(f"{heading:>{WIDTH}}" for heading, _ in COLUMNS.values())
    table, missed = [machine, f"# {libraries}", heading], []
    print(*table, sep="\n")  # noqa: T201 - what was asked for
    for part in options.parts or PARTS:
        for line in PARTS[part](options):
            print(line, flush=True)  # noqa: T201 - what was asked for
            table.append(str(line))
            missed += line.missed()
    print("", *(missed or ["within all limits"]), sep="\n")  # noqa: T201 - what was asked for
    if options.docs:
        before, _, rest = DOCS.read_text("utf-8").partition("<!-- measured -->\n```\n")
        text = "\n".join(table)
        DOCS.write_text(f"{before}<!-- measured -->\n```\n{text}\n```{rest.partition('```')[2]}", "utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
