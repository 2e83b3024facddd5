"""Every way a run can end other than well, and the exit code of each.

    Klarna24Error                 one line for a person, and the next command
    ├── UsageFault          2     the caller
    ├── ConfigFault         3     profiles.toml, wrong company, unknown voucher type
    │   └── StateFault      3     the state folder cannot be used
    ├── CredentialsFault    4     missing or refused
    │   └── Silence         4     no payout for longer than the profile expects
    ├── Unavailable         5     no answer for now: the next run carries on
    │   ├── BadAnswer       5     an answer that is not what the contract says
    │   └── Locked          5     another run holds the profile
    ├── Rejected            6     24SevenOffice refused a voucher
    ├── Blocked                7     a payout that is not booked, with the reason
    │   └── Changed         7     it changed at Klarna after it was drafted
    └── InDoubt             8     sent, answer unknown

What is not in this tree is a bug: exit code 1, with a traceback.
"""

from collections.abc import Iterable
from typing import ClassVar, Literal, NamedTuple

BlockedCode = Literal[
    "residual",
    "debt",
    "negative",
    "account-missing",
    "account-unknown",
    "rows-mismatch",
    "unknown-type",
    "reference-too-long",
    "gross-fee",
    "fiscal-year",
    "currency",
    "too-many-entries",
]


class Problem(NamedTuple):
    """What people and scripts read of a fault. No dataclass: klarna24 --help would wait for that module."""

    code: str
    message: str
    hint: str
    payment_reference: str | None = None

    @property
    def exit_code(self) -> int:
        """What a run with this problem alone ends with."""
        return _EXIT_CODES.get(self.code, Blocked.exit_code)


class Klarna24Error(Exception):
    """The root: ``message`` is one line, ``hint`` the next thing to do."""

    exit_code: ClassVar[int] = 1
    code: str = "bug"

    def __init__(self, message: str, hint: str = "", payment_reference: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.payment_reference = payment_reference

    def problem(self) -> Problem:
        return Problem(self.code, self.message, self.hint, self.payment_reference)

    def problems(self) -> tuple[Problem, ...]:
        """More than one where a fault lists several things at once (a configuration)."""
        return (self.problem(),)


class UsageFault(Klarna24Error):
    exit_code = 2
    code = "usage"


class ConfigFault(Klarna24Error):
    """``faults`` are all that is wrong with the file, each with its path."""

    exit_code = 3
    code = "config"

    def __init__(
        self,
        message: str,
        hint: str = "",
        payment_reference: str | None = None,
        faults: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message, hint, payment_reference)
        self.faults = faults

    def problems(self) -> tuple[Problem, ...]:
        if not self.faults:
            return (self.problem(),)
        return tuple(self.problem()._replace(message=fault) for fault in self.faults)


class StateFault(ConfigFault):
    code = "state"


class CredentialsFault(Klarna24Error):
    exit_code = 4
    code = "credentials"


class Silence(CredentialsFault):
    """Klarna answers, and has nothing: credentials that see no payouts any more, a closed account."""

    code = "silence"


class Unavailable(Klarna24Error):
    exit_code = 5
    code = "unavailable"


class BadAnswer(Unavailable):
    """Of one payout alone where its rows are meant: others go on."""


class Locked(Unavailable):
    code = "locked"


class Rejected(Klarna24Error):
    exit_code = 6
    code = "rejected"


class Blocked(Klarna24Error):
    """A payout that is not booked; ``code`` is one of :data:`BlockedCode`."""

    exit_code = 7

    def __init__(self, code: BlockedCode, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.code = code


class Changed(Klarna24Error):
    exit_code = 7
    code = "changed"


class InDoubt(Klarna24Error):
    exit_code = 8
    code = "in-doubt"


_EXIT_CODES = {
    error.code: error.exit_code
    for error in (
        Klarna24Error,
        UsageFault,
        ConfigFault,
        StateFault,
        CredentialsFault,
        Silence,
        Unavailable,
        Locked,
        Rejected,
        Changed,
        InDoubt,
    )
}


def worst(exit_codes: Iterable[int]) -> int:
    """The exit code of a whole run: the greatest wins, but 5 yields to all except 0; a bug, 1, beats all."""
    codes = set(exit_codes) - {0}
    if 1 in codes:
        return 1
    return max(codes - {5}, default=5 if codes else 0)
