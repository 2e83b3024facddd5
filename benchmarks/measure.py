"""One command as a child: how long it took, and how much memory it had at its peak."""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

PYTHON = sys.executable
LAUNCH = (PYTHON, "-I", "-S", str(Path(__file__).with_name("launch.py")))


class Failed(Exception):
    """A command that did not end with 0, or did not do what it is measured for."""


@dataclass(frozen=True, slots=True)
class Run:
    """Wall clock and processor seconds; peak resident memory in MiB."""

    seconds: float
    cpu: float
    peak: float


@dataclass(frozen=True, slots=True)
class Figures:
    """All runs of one command."""

    runs: tuple[Run, ...]

    @property
    def median(self) -> float:
        """For what is short: noise lies on both sides of it."""
        return median(run.seconds for run in self.runs)

    @property
    def least(self) -> float:
        """For what is long: the run that others on the machine disturbed least."""
        return min(run.seconds for run in self.runs)

    @property
    def peak(self) -> float:
        return min(run.peak for run in self.runs)


def interleaved(
    commands: Mapping[str, Sequence[str]],
    times: int,
    after: Callable[[str], None] = lambda name: None,
    warm: bool = True,
) -> dict[str, Figures]:
    """Each command so many times, in turn, so that whatever else the machine does falls on all of them.

    With ``warm`` a first round warms the caches and is not counted. ``after`` is called after each run, its clock
    stopped.
    """
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for turn in range(-warm, times):
        for name, command in commands.items():
            found = run(command)
            after(name)
            if turn >= 0:
                runs[name].append(found)
    return {name: Figures(tuple(found)) for name, found in runs.items()}


def run(command: Sequence[str]) -> Run:
    """``{state}`` in the command becomes an empty folder. Raises Failed with what the command said."""
    with tempfile.TemporaryDirectory(prefix="klarna24-benchmark-") as state:
        arguments = [word.replace("{state}", state) for word in command]
        launched = subprocess.run(  # noqa: S603 - commands of our own
            [*LAUNCH, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    seconds, cpu, peak, code = launched.stdout.split()
    if code != "0":
        raise Failed(f"{' '.join(command[-5:])}: ended with {code}: {launched.stderr.strip()[-300:]}")
    return Run(float(seconds), float(cpu), float(peak) / 1024)
