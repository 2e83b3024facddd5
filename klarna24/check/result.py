"""What one check found, and what all checks of a profile come to."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from klarna24.errors import Problem, ProblemCode, worst

Status = Literal["ok", "failed", "advice", "not-tried"]


@dataclass(frozen=True, slots=True)
class Check:
    """``next`` is the one next step where there is something to do; ``code`` a problem's, where it failed."""

    name: str
    status: Status
    message: str
    next: str = ""
    code: ProblemCode | None = None


@dataclass(frozen=True, slots=True)
class CheckedProfile:
    """One profile, checked."""

    profile: str
    checks: list[Check]


def exit_code(profiles: Iterable[CheckedProfile], problems: Iterable[Problem] = ()) -> int:
    """As of a run that meets the same."""
    failed = [check.code for one in profiles for check in one.checks if check.status == "failed" and check.code]
    return worst([*(problem.exit_code for problem in problems), *(code.exit_code for code in failed)])
