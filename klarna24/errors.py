"""Every way a run can end other than well, and the exit code of each.

    Klarna24Error                 one line for a person, and the next command
    ├── UsageFault          2     the command line is wrong
    ├── ConfigFault         3     profiles.toml, the wrong company, an unknown voucher type
    │   └── StateFault      3     the state cannot be used
    ├── CredentialsFault    4     credentials are missing or refused
    ├── Unavailable         5     no answer for now: the next run carries on
    │   ├── BadAnswer       5     an answer that does not follow the contract
    │   └── Locked          5     another run of the profile is under way
    └── Blocked             7     a payout that cannot be booked, and why

What is not in this tree is a bug: exit code 1, with a traceback.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Self


class ProblemCode(StrEnum):
    """What kind of problem it is, as JSON and the state name it; ``exit_code`` is that of a run with it alone."""

    exit_code: int

    def __new__(cls, code: str, exit_code: int = 1) -> Self:
        member = str.__new__(cls, code)
        member._value_ = code
        member.exit_code = exit_code
        return member

    REMARK = "remark", 0  # it calls for action at Klarna, and stops nothing
    UNBOOKED = "unbooked", 0  # a draft has waited for longer than the profile wants
    BUG = "bug", 1
    USAGE = "usage", 2
    CONFIG = "config", 3
    STATE = "state", 3
    ARCHIVE = "archive", 3  # it cannot be written, or is not what it was
    CREDENTIALS = "credentials", 4
    SILENCE = "silence", 4  # Klarna answers, and has had no payout for longer than the profile expects
    UNAVAILABLE = "unavailable", 5
    LOCKED = "locked", 5
    REJECTED = "rejected", 6
    # A payout is blocked:
    RESIDUAL = "residual", 7
    DEBT = "debt", 7
    NEGATIVE = "negative", 7
    ACCOUNT_MISSING = "account-missing", 7
    ACCOUNT_UNKNOWN = "account-unknown", 7
    ROWS_MISMATCH = "rows-mismatch", 7
    UNKNOWN_TYPE = "unknown-type", 7
    REFERENCE_TOO_LONG = "reference-too-long", 7
    GROSS_FEE = "gross-fee", 7
    FISCAL_YEAR = "fiscal-year", 7
    CURRENCY = "currency", 7
    VAT = "vat", 7
    TOO_MANY_ENTRIES = "too-many-entries", 7
    UNREADABLE = "unreadable", 7  # Klarna's record of it, or its rows
    CHANGED = "changed", 7  # at Klarna, after it was drafted or skipped
    IN_DOUBT = "in-doubt", 8


class Problem(NamedTuple):
    """What people and scripts read of a fault."""

    code: ProblemCode
    message: str
    hint: str
    payment_reference: str | None = None

    @property
    def exit_code(self) -> int:
        """The exit code of a run with this problem alone."""
        return self.code.exit_code


class Klarna24Error(Exception):
    """The root: ``message`` is one line, ``hint`` the next thing to do."""

    code: ProblemCode = ProblemCode.BUG

    def __init__(self, message: str, hint: str = "", payment_reference: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.payment_reference = payment_reference

    @property
    def exit_code(self) -> int:
        """The exit code of a command that this error ends."""
        return self.code.exit_code

    def problem(self) -> Problem:
        """The error as a problem of a report."""
        return Problem(self.code, self.message, self.hint, self.payment_reference)

    def problems(self) -> tuple[Problem, ...]:
        """More than one where a fault lists several things at once (a configuration)."""
        return (self.problem(),)


class UsageFault(Klarna24Error):
    """The command line is wrong."""

    code = ProblemCode.USAGE


class ConfigFault(Klarna24Error):
    """The configuration is wrong; ``faults`` are all faults of the file, each with its path."""

    code = ProblemCode.CONFIG

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
        """One for each fault of the file."""
        if not self.faults:
            return (self.problem(),)
        return tuple(self.problem()._replace(message=fault) for fault in self.faults)


class StateFault(ConfigFault):
    """The state cannot be used."""

    code = ProblemCode.STATE


class CredentialsFault(Klarna24Error):
    """Credentials are missing or refused."""

    code = ProblemCode.CREDENTIALS


class Unavailable(Klarna24Error):
    """There is no answer for now; the next run carries on."""

    code = ProblemCode.UNAVAILABLE


class BadAnswer(Unavailable):
    """An answer does not follow the contract. Where it is about one payout's rows, only that payout is blocked."""


class Locked(Unavailable):
    """Another run of the profile is under way."""

    code = ProblemCode.LOCKED


class Blocked(Klarna24Error):
    """A payout cannot be booked; ``code`` is one of those with exit code 7."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message, hint)
        self.code = ProblemCode(code)


def severity(exit_code: int) -> tuple[bool, bool, int]:
    """Orders exit codes: the higher is the worse, except that any other failure outranks 5, and 1 outranks all."""
    return exit_code == ProblemCode.BUG.exit_code, exit_code not in {0, Unavailable.code.exit_code}, exit_code


def worst(exit_codes: Iterable[int]) -> int:
    """The exit code of a whole run: the worst one, 0 where there is none."""
    return max(exit_codes, key=severity, default=0)
