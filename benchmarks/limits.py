"""What each figure may be at most, in one place; and what a part hands on to be compared with it."""

from dataclasses import dataclass, field

MODES = ("lump", "itemised", "itemised-fees")
LARGE = 100_000  # rows: where the limits on large payouts hold
LINEAR = 1.5  # growth is a ratio of differences, and shakes; what is quadratic comes out near 10


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the table. Figures by name: seconds, MiB, and ratios (``…_ratio``)."""

    part: str
    what: str
    figures: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """``figure`` of the line ``what`` is ``at_most`` so much."""

    part: str
    what: str
    figure: str
    at_most: float

    def missed(self, line: Line) -> str | None:
        """How, if it is this line's limit and is missed."""
        if (self.part, self.what) != (line.part, line.what) or self.figure not in line.figures:
            return None
        found = line.figures[self.figure]
        if found <= self.at_most:
            return None
        return f"{self.part}: {self.what}: {self.figure} is {found:.2f}, at most {self.at_most:g} is allowed"


LIMITS = (
    Limit("startup", "klarna24 --help", "time_ratio", 1.3),
    Limit("not-due", "1 profile", "time_ratio", 3.2),
    *(Limit("large", f"{mode} {LARGE:,}", "time_ratio", 1.2) for mode in MODES),
    *(Limit("large", f"{mode} {LARGE:,}", "memory_ratio", 1.25) for mode in MODES),
    *(Limit("large", f"{mode} {LARGE:,}", "lxml_ratio", 2.0) for mode in MODES),
    # linear: Python's collector looks a few times at all that lives, what grew with the square would stand at ten
    *(Limit("large", f"{mode}, growth", "time_ratio", 2.0) for mode in MODES[1:]),
    *(Limit("large", f"{mode}, growth", "memory_ratio", 1.5) for mode in MODES[1:]),
    *(Limit("all", f"--jobs {jobs}", "ideal_ratio", 1.4) for jobs in (4, 16)),
    Limit("all", "MiB a profile", "peak", 5.0),
)
