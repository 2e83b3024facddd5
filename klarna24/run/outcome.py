"""What becomes of a payout: one class for each outcome; and what one profile's run comes to."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

from klarna24.bookkeeping.payout import ZERO, Listed, Payout, PayoutKey
from klarna24.bookkeeping.remarks import Remark
from klarna24.bookkeeping.voucher import Rate, Voucher
from klarna24.errors import Klarna24Error, Problem, ProblemCode, worst
from klarna24.state.records import Event, RateKey, Row, Status
from klarna24.state.words import counted
from klarna24.text.sentences import Language, Sentence, sentence

Another = TypeVar("Another", bound="Outcome")
RowsProgress = Callable[[str, int, int], None]  # payment reference, rows so far, rows in all


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What every outcome has. ``totals`` are Klarna's figures by name, zeros left out; ``payout`` is None where
    Klarna was not asked for it, or no longer has it; ``record`` is what the state knew when the run began;
    ``remarks`` are what an accountant should know of it; ``decided`` is, in a preview, the event by which it was
    drafted or skipped before."""

    status: ClassVar[Status]
    key: PayoutKey
    payout_date: date
    totals: dict[str, Decimal]
    payout: Listed | None = None
    record: Row | None = None
    voucher: Voucher | None = None
    problem: Problem | None = None
    remarks: tuple[Remark, ...] = ()
    decided: Event | None = None

    @classmethod
    def of_record(cls, record: Row, **facts: Any) -> Self:
        """The outcome of a payout that the state knows; ``facts`` are what this class has besides."""
        same = {"key": record.key, "payout_date": record.payout_date, "totals": record.totals}
        return cls(**{**same, "record": record, "remarks": record.remarks, **facts})

    def become(self, outcome: type[Another], **facts: Any) -> Another:
        """Another outcome of the same payout; ``facts`` are what it has besides, or instead."""
        names = ("key", "payout_date", "totals", "payout", "record", "voucher", "remarks")
        same = {name: getattr(self, name) for name in names}
        return outcome(**{**same, **facts})

    @property
    def settlement(self) -> Decimal:
        """What Klarna paid, in the payout's currency."""
        return self.totals.get("settlement", ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(Outcome):
    """It would be drafted now."""

    status = Status.READY
    payout: Payout
    voucher: Voucher


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked(Outcome):
    """Figures or settings need a person; ``payout`` is None where Klarna could not be asked for it."""

    status = Status.BLOCKED
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Outcome):
    """24SevenOffice refused it, in this run or in an earlier one."""

    status = Status.REJECTED
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt(Outcome):
    """It was sent, or may have been, and nobody knows whether it was saved."""

    status = Status.IN_DOUBT
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted(Outcome):
    """Saved as a draft; with a problem where Klarna changed its figures since."""

    status = Status.DRAFTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked(Outcome):
    """Its voucher stands in the ledger; with a problem where Klarna changed its figures since. ``ledger_sums`` are
    those per account where they are not what was drafted."""

    status = Status.BOOKED
    transaction_no: int
    ledger_sums: dict[int, Decimal] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped(Outcome):
    """There is nothing to book, or a person said so; with a problem where Klarna changed its figures since."""

    status = Status.SKIPPED


class Outcomes(NamedTuple):
    """All that came, oldest payout first where a plan says so, and the fault that ended it, if one did."""

    outcomes: list[Outcome]
    fault: Klarna24Error | None = None


class Plan(NamedTuple):
    """What is to become of the new and the unfinished payouts, oldest first. ``adopted`` are records of another
    profile that pass to this one; ``identified`` are records whose merchant or currency could not be read when
    they were stored; ``rates`` are those that the state does not have yet. ``fault`` ended the planning before all
    was seen; then nothing is sent. ``listed`` is all that Klarna listed."""

    outcomes: list[Outcome]
    adopted: Sequence[Row] = ()
    identified: Sequence[tuple[Row, PayoutKey]] = ()
    rates: Mapping[RateKey, Rate] = MappingProxyType({})
    fault: Klarna24Error | None = None
    listed: Sequence[Listed] = ()

    @property
    def changes_state(self) -> bool:
        """Whether there is anything new, or anything to send. Only then need the state be proved sound."""
        return bool(self.adopted or self.identified) or any(it.payout for it in self.outcomes)


def until_fault(outcomes: Iterator[Outcome]) -> Outcomes:
    """Everything that the iterator gives before it ends or raises one of our errors."""
    collected: list[Outcome] = []
    try:
        for outcome in outcomes:
            collected.append(outcome)
    except Klarna24Error as fault:
        return Outcomes(collected, fault)
    return Outcomes(collected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one profile's run comes to. Not ``due``: nothing was done before ``next_due`` (UTC), which after a run
    is that of the next. ``ended``: the run came to its end, and saw everything."""

    profile: str
    language: Language = "en"
    timezone: tzinfo = UTC
    due: bool = True
    ended: bool = False
    next_due: datetime | None = None
    checkpoint: date | None = None
    outcomes: list[Outcome] = field(default_factory=list)
    problems: tuple[Problem, ...] = ()
    chart: dict[int, str] = field(default_factory=dict)

    def all_problems(self) -> Iterator[Problem]:
        """Those of payouts first, then those of the run."""
        yield from (outcome.problem for outcome in self.outcomes if outcome.problem)
        yield from self.problems

    @property
    def exit_code(self) -> int:
        """The worst of all problems."""
        return worst(problem.exit_code for problem in self.all_problems())


def tally(outcomes: Iterable[Outcome]) -> Sentence:
    """``11 drafted, 2 blocked``; a draft that is only reminded of is not counted."""
    counts = Counter(it.status for it in outcomes if not it.problem or it.problem.code != ProblemCode.UNBOOKED)
    return counted(counts) if counts else sentence("nothing new")
