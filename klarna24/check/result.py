"""What one check found, and the outcome of all checks."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, cast

from klarna24.check.months import History
from klarna24.errors import Klarna24Error, Problem, ProblemCode, worst
from klarna24.text.sentences import Language, Sentence, sentence

Status = Literal["ok", "failed", "advice", "not-tried"]
THIS_COMMAND = (
    "klarna24 check"  # the next step of some errors, which would lead a reader of this output in a circle
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried. ``next`` is the next step, of a failed check or an advice; ``code`` is the kind of
    problem of a failed check."""

    name: str
    status: Status
    message: str
    next: str = ""
    code: ProblemCode | None = None


@dataclass(frozen=True, slots=True)
class CheckedProfile:
    """One profile with all its checks, and the history of its payouts where it was asked for and could be read."""

    profile: str
    language: Language
    checks: list[Check]
    history: History | None = None

    @property
    def exit_code(self) -> int:
        """The one that a run with the same failures returns."""
        return worst(it.code.exit_code for it in self.checks if it.status == "failed" and it.code)


class Outcome(NamedTuple):
    """The exit code, the checks of each profile, and the problems that kept profiles from being checked."""

    exit_code: int
    profiles: list[CheckedProfile]
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, profiles: Iterable[CheckedProfile]) -> Self:
        """Its exit code is that of the worst of them."""
        done = list(profiles)
        return cls(worst(one.exit_code for one in done), done)


def failed(name: str, error: Klarna24Error) -> Check:
    """The failed check that this error stands for."""
    hint = error.hint
    if isinstance(hint, Sentence) and hint.values.get("part1") == THIS_COMMAND:  # joined(": ", …)
        hint = cast("str", hint.values["part0"])
    if hint == THIS_COMMAND:
        hint = sentence("try again later; if it fails again, report it to the maintainers of klarna24")
    return Check(name, "failed", error.message, hint, error.code)


def not_tried(name: str, blocker: str) -> Check:
    """A check that makes no sense while ``blocker``, another check, fails."""
    return Check(name, "not-tried", sentence("not tried: it needs {check}", check=blocker))
