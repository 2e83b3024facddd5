"""Advice about the profile's accounts: which of them an accountant would not choose, and which kinds of Klarna's
amounts, of those that occurred lately, have no account at all."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from klarna24.bookkeeping.entries import LineKind, account_line, account_of, kind_name, line_kind
from klarna24.bookkeeping.payout import Payout
from klarna24.bookkeeping.usual_accounts import is_bank, is_control, is_for_something_else
from klarna24.check.months import PastPayout
from klarna24.check.past import PayoutReader
from klarna24.check.result import Check, failed
from klarna24.config.tables import Profile
from klarna24.errors import Blocked, ProblemCode
from klarna24.text.sentences import Sentence, joined, sentence

OCR_ADVICE = sentence(
    "a Klarna order id has 36 characters, and the vendor's newer API takes 32 in the OCR field; what the one that "
    "klarna24 uses does with more is not documented"
)


def check_accounts(profile: Profile, chart: Mapping[int, str]) -> Iterator[Check]:
    """Each account of the profile: in the chart, and of the right sort."""
    for key, number in profile.accounts.named():
        if number not in chart:
            message = sentence("{number} is not in 24SevenOffice's chart of accounts", number=number)
            table = f"[profiles.{profile.name}.accounts] {key}"
            hint = sentence("add it there, or change {table}", table=table)
            yield failed(sentence("account {key}", key=key), Blocked(ProblemCode.ACCOUNT_UNKNOWN, message, hint))
            continue
        account, label = f"{number} {chart[number]}", sentence("account {key}", key=key)
        if objection := _objection(profile, key, number, chart[number]):
            why, better = objection
            yield Check(label, "advice", joined(" ", (account, why)), better)
        else:
            yield Check(label, "ok", account)


def _objection(profile: Profile, key: str, number: int, name: str) -> tuple[Sentence, Sentence] | None:
    """Return what an accountant would say against the account, and what would be better
    (docs/vendors/bookkeeping.md, "Accounts")."""
    if key in {"payout", "receivable", "holdback"} and is_for_something_else(name):
        return (
            sentence("is by its name for taxes, losses, travel or prepayments"),
            sentence("take another account, or rename it"),
        )
    if key == "payout" and is_bank(number, name):
        return (
            sentence(
                "is a bank account: a payout of 31 December that arrives on 2 January is booked there, but is not "
                "in the bank at year-end"
            ),
            sentence(
                'name a clearing account (in Sweden 1940, or one of your own, 19xx "Klarna"), and book the row of '
                "the bank statement against it"
            ),
        )
    if key == "receivable" and (profile.voucher.ledger(number) or is_control(name)):
        return (
            sentence(
                "is the control account of a ledger: its balance must be that of the open invoices, and Klarna's "
                "totals match none of them"
            ),
            sentence(
                "book sales paid by Klarna on a receivable of their own (in Sweden 1686 or 1580, in Norway one of "
                "your own, 15xx), and name that"
            ),
        )
    return None


def check_references(profile: Profile) -> Iterator[Check]:
    """Advice where a reference may be too long for its field."""
    if profile.references.order_id == "ocr":
        yield Check(
            "references.order_id", "advice", OCR_ADVICE, sentence("{line} fits", line='short_order_id = "ocr"')
        )


@dataclass
class _Occurrence:
    """In how many payouts a kind occurred that has no account below ``key``, and its sums by currency."""

    kind: LineKind
    key: str
    payouts: int = 0
    sums: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    def described(self) -> Sentence:
        """What it is, in how many payouts, and what they come to."""
        return sentence(
            "{kind} in {payouts}, {sums}",
            kind=kind_name(self.kind, self.key),
            payouts=_payouts(self.payouts),
            sums=joined(", ", (f"{abs(amount):.2f} {currency}" for currency, amount in sorted(self.sums.items()))),
        )


def _payouts(count: int) -> Sentence:
    return sentence("1 payout") if count == 1 else sentence("{count} payouts", count=count)


def check_kinds(
    profile: Profile, payouts: Sequence[PastPayout], reader: PayoutReader, since: date
) -> Iterator[Check]:
    """Advice for each account that these payouts, as ``reader`` read them, would have needed and the profile does
    not have."""
    missing: dict[LineKind, _Occurrence] = {}
    readable = [it for it in payouts if isinstance(it.payout, Payout)]
    for payout in readable:
        without: defaultdict[LineKind, Decimal] = defaultdict(Decimal)
        for line in payout.lines:
            number, key = account_of(line, profile)
            if number is None:
                kind = line_kind(line)
                missing.setdefault(kind, _Occurrence(kind, key))
                without[kind] += line.amount
        for kind, amount in without.items():
            missing[kind].payouts += 1
            missing[kind].sums[payout.key.currency] += amount
    by_key: defaultdict[str, list[_Occurrence]] = defaultdict(list)
    for occurrence in missing.values():
        by_key[occurrence.key].append(occurrence)
    for key, occurrences in by_key.items():
        types = [occurrence.kind.detailed_type or "other" for occurrence in occurrences]
        yield Check(
            sentence("account {key}", key=key),
            "advice",
            sentence(
                "payouts since {day} needed an account that is not there: {kinds}",
                day=str(since),
                kinds=joined("; ", (occurrence.described() for occurrence in occurrences)),
            ),
            sentence(
                "add under {table}: {line}, with the account's number for ACCOUNT",
                table=f"[profiles.{profile.name}.accounts]",
                line=account_line(key, types, profile),
            ),
        )
    yield from _unlike_the_others(profile, reader, since)
    if reader.error:
        message = sentence("Klarna's rows cannot be read: {why}", why=reader.error.message)
        hint = sentence("try again later, or with {option}", option="--history 0")
        yield Check(sentence("history"), "advice", message, hint)
    elif not missing:
        none = sentence("no payouts since {day}", day=str(since))
        yield Check(sentence("history"), "ok", _all_found(reader, len(readable), since) if payouts else none)


def _all_found(reader: PayoutReader, count: int, since: date) -> Sentence:
    notes = [
        sentence(
            "payouts since {day}: {count}, with an account for all that they need", day=str(since), count=count
        )
    ]
    if reader.blocked:
        notes.append(sentence("{count} would be blocked for another reason", count=reader.blocked))
    if reader.unread:
        notes.append(sentence("the rows of {count} were not read", count=reader.unread))
    return joined("; ", notes)


def _unlike_the_others(profile: Profile, reader: PayoutReader, since: date) -> Iterator[Check]:
    """Advice for kinds that are booked like ordinary ones although they are something else. A run sees those among
    returns only where it reads their rows."""
    for (key, name), (meaning, count) in reader.unlike.items():
        yield Check(
            sentence("account {key}", key=f"{key}.{name}"),
            "advice",
            sentence(
                "{name} ({meaning}) occurred in {payouts} since {day} and is booked like other {key}",
                name=name,
                meaning=meaning,
                payouts=_payouts(count),
                day=str(since),
                key=key,
            ),
            sentence(
                "to book it elsewhere, add under {table}: {line}",
                table=f"[profiles.{profile.name}.accounts]",
                line=account_line(key, [name], profile),
            ),
        )
