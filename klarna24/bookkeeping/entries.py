"""Adds accounts, customer and supplier, and texts: a line becomes an entry of the voucher."""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from klarna24.bookkeeping.detailed_types import KEYS, Nature, described, nature_of
from klarna24.bookkeeping.figures import SKIP
from klarna24.bookkeeping.lines import WORDS, Line
from klarna24.bookkeeping.payout import FEES, Payout, Transaction
from klarna24.bookkeeping.voucher import Books, Entry, Rate
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.text.sentences import Language, Sentence, joined, sentence, translated

COMMENT_LENGTH = 75  # docs/vendors/24sevenoffice.md, "SaveBundleList"
# docs/vendors/24sevenoffice.md, "Newer findings"; a longer reference is blocked, so that 24SevenOffice cuts none
REFERENCE_LENGTH = {"comment": COMMENT_LENGTH, "invoice_no": 50, "ocr": 50}
SAFE_OCR = 32  # what the vendor's newer contract takes; what this one does with a longer one is unknown
SHOWN_KINDS = 5  # of those without an account in one message
# The key below ``accounts`` of each total. Its sign decides the side: what adds to the settlement is a credit, and
# what lowers it a debit.
ACCOUNT = {
    "sale": "receivable",
    "return": "returns",
    "reversal": "reversals",
    "fee": "fees",
    "fee_correction": "fees",
    "fee_refund": "fees",
    "tax": "fees_vat",
    "tax_refund": "fees_vat",
    "commission": "commission",
    "commission_reversal": "commission",
    "charge": "charges",
    "credit": "credits",
    "holdback": "holdback",
    "release": "holdback",
    "repay": "debt",
    "deposit": "debt",
}
TABLES = frozenset(KEYS.values())  # the keys whose accounts are told apart by detailed type


class LineKind(NamedTuple):
    """What decides about the account of a line."""

    kind: str
    role: str | None
    row_type: str | None
    detailed_type: str | None


def accounts_of(lines: Iterable[Line], profile: Profile, books: Books) -> dict[LineKind, int]:
    """Return the account of each kind of line. Raises Blocked, which names all missing accounts."""
    accounts: dict[LineKind, int] = {}
    missing: dict[LineKind, str] = {}
    sums: defaultdict[LineKind, Decimal] = defaultdict(Decimal)
    for line in lines:
        kind = line_kind(line)
        sums[kind] += line.amount
        if kind not in accounts and kind not in missing:
            number, key = account_of(line, profile)
            if number is None:
                missing[kind] = key
            else:
                accounts[kind] = number
    table = f"[profiles.{profile.name}.accounts]"
    if any(kind.detailed_type == "other" for kind in missing):
        # in a table of accounts the word has another meaning, so that no line can be added for this type
        raise Blocked(
            "account-missing",
            sentence("Klarna's rows have a type that is not known: {types}", types="other"),
            sentence("book it by hand, then {skip}, and report it to the maintainers of klarna24", skip=SKIP),
        )
    if missing:
        amounts = {kind: abs(sums[kind]) for kind in missing}
        raise Blocked("account-missing", _no_account(missing, amounts, table, profile), _then())
    unknown = sorted({number for number in accounts.values() if number not in books.chart})
    if unknown:
        raise Blocked(
            "account-unknown",
            sentence("not in 24SevenOffice's chart of accounts: {numbers}", numbers=", ".join(map(str, unknown))),
            sentence("add it there, or change {table}", table=table),
        )
    return accounts


def line_kind(line: Line) -> LineKind:
    """Return what decides about the account of a line."""
    return LineKind(line.kind, line.role, line.row_type, line.detailed_type)


def account_of(line: Line, profile: Profile) -> tuple[int | None, str]:
    """Return the account's number, if the profile has it, and its key below ``accounts``."""
    accounts = profile.accounts
    if line.role in {"input", "output"}:
        return getattr(profile.vat, line.role), line.role
    key = line.role or ACCOUNT.get(line.kind, "payout")
    number: int | dict[str, int] | None = getattr(accounts, key)
    if not isinstance(number, dict):
        return number, key
    other = other_account(key, profile)
    if line.row_type is None:
        return other, key
    if line.detailed_type in number.keys() - {"other"}:
        return number[str(line.detailed_type)], key
    match nature_of(line.row_type, line.detailed_type):
        case Nature.DEBT:
            return accounts.debt, "debt"
        case Nature.LOAN | None:
            return None, key
    return other, key


def other_account(key: str, profile: Profile) -> int | None:
    """Return where the profile books the ordinary kinds of a total that ``key`` tells apart, if it does."""
    numbers: dict[str, int] = getattr(profile.accounts, key)
    return numbers.get("other", profile.accounts.receivable if key in {"returns", "reversals"} else None)


def kind_name(kind: LineKind, key: str) -> str:
    """Return what a person calls this kind of line, whose account's key is ``key``, and what it is."""
    name: str = kind.detailed_type or WORDS.get(kind.kind, sentence("currency difference"))
    if known := described(kind.row_type or "", kind.detailed_type or ""):
        return joined(" ", (name, sentence("({meaning})", meaning=known.meaning)))
    if kind.detailed_type and key in TABLES:
        return joined(" ", (name, sentence("(a kind that Klarna has not described)")))
    return name


def _no_account(
    missing: dict[LineKind, str], amounts: dict[LineKind, Decimal], table: str, profile: Profile
) -> str:
    """Return what has no account, what it is, with its amount, and the lines to add."""
    kinds = [
        joined(" ", (f"{amounts[kind]:.2f}", kind_name(kind, missing[kind])))
        for kind in list(missing)[:SHOWN_KINDS]
    ]
    by_key: dict[str, list[str]] = {}
    for kind, key in missing.items():
        by_key.setdefault(key, []).append(kind.detailed_type or "other")
    return sentence(
        "the profile has no account for {kinds}: add under {table}: {lines}",
        kinds=joined(", ", kinds),
        table=table,
        lines="; ".join(account_line(key, types, profile) for key, types in by_key.items()),
    )


def _then() -> Sentence:
    return sentence("replace ACCOUNT with the account's number; it is tried again at each run")


def account_line(key: str, missing: Iterable[str], profile: Profile) -> str:
    """Return the line of TOML to add; for a table by detailed type the whole line, with what is there already."""
    if key not in TABLES:
        return f"{key} = ACCOUNT"
    by_type: dict[str, int | str] = {**dict.fromkeys(missing, "ACCOUNT"), **getattr(profile.accounts, key)}
    by_type.update({"other": by_type.pop("other")} if "other" in by_type else {})
    pairs = (f"{_toml_key(detailed_type)} = {account}" for detailed_type, account in by_type.items())
    return f"{key} = {{ {', '.join(pairs)} }}"


def _toml_key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)


def entries_of(
    payout: Payout,
    lines: Iterable[Line],
    accounts: dict[LineKind, int],
    profile: Profile,
    anchor: Line,
    rate: Rate | None = None,
) -> Iterator[Entry]:
    """Yield an entry for each line. Raises Blocked if a reference is too long for its field."""
    by_target = profile.references.by_target()
    parties = {number: profile.voucher.party(number) for number in accounts.values()}
    tax_code = int(profile.vat.tax_code) if profile.vat.tax_code else None
    for line in lines:
        account_no = accounts[line_kind(line)]
        texts = {target: _reference(line.row, field, target) for target, field in by_target.items() if line.row}
        comment = texts.get("comment") if line is not anchor else None
        yield Entry(
            account_no=account_no,
            amount=line.amount,
            kind=line.kind,
            comment=comment or _comment(payout, line, profile.language, rate, is_anchor=line is anchor),
            invoice_no=texts.get("invoice_no"),
            ocr=texts.get("ocr"),
            customer_id=parties[account_no],
            department_id=profile.voucher.department_id,
            project_id=profile.voucher.project_id,
            tax_code=tax_code if line.kind in FEES else None,
        )


def _comment(payout: Payout, line: Line, language: Language, rate: Rate | None, *, is_anchor: bool) -> str:
    """Return the comment of a line. Whether the reference fits is decided with the English words, so that no
    payout is blocked for its language; a longer word of another one is cut at its end, a reference never."""
    head, word = f"Klarna {payout.payment_reference}", line.word or WORDS[line.kind]
    figures = _original(payout, line, rate, with_day=False)
    if max(len(f"{head} {word}"), len(f"{head} {figures}") if is_anchor else 0) > COMMENT_LENGTH:
        raise Blocked(
            "reference-too-long",
            sentence(
                "the payment reference has {length} characters: too many for a comment of {longest}, by which the "
                "voucher is found again",
                length=len(payout.payment_reference),
                longest=COMMENT_LENGTH,
            ),
            sentence("book it by hand, then {skip}", skip=SKIP),
        )
    # where not all of it fits, Klarna's word and the figures stay, because they say more than ours; the day of the
    # rate goes first, because the log has it
    whole = _original(payout, line, rate, with_day=True) if is_anchor else figures
    parts = [word, line.detailed_type, whole]
    for said in (parts, parts[1:], [line.detailed_type or whole], [figures]):
        comment = " ".join([head, *(translated(it, language) for it in said if it)])
        if len(comment) <= COMMENT_LENGTH and comment != head:
            return comment
    # a figure is never cut
    return f"{head} {figures if is_anchor and figures else translated(word, language)}"[:COMMENT_LENGTH]


def _original(payout: Payout, line: Line, rate: Rate | None, *, with_day: bool) -> str:
    """What the line was in the payout's currency, and the rate, also with its day."""
    if rate is None or line.original is None:
        return ""
    amount = f"{abs(line.original):.2f} {payout.currency}"
    # without zeros at its end, and with at least two decimals
    value = f"{rate.value:.2f}" if rate.value == round(rate.value, 2) else f"{rate.value.normalize():f}"
    if with_day:
        return sentence("{amount} at {rate} {day}", amount=amount, rate=value, day=str(rate.day))
    return sentence("{amount} at {rate}", amount=amount, rate=value)


def _reference(row: Transaction, field: str, target: str) -> str | None:
    reference: str | None = getattr(row, field)
    longest = REFERENCE_LENGTH[target]
    if reference and len(reference) > longest:
        raise Blocked(
            "reference-too-long",
            sentence(
                "{field} {start}… has {length} characters, and {target} takes at most {longest}",
                field=field,
                start=repr(reference[:20]),
                length=len(reference),
                target=target,
                longest=longest,
            ),
            sentence(
                "take {field} out of the profile's references, or book by hand, then {skip}",
                field=field,
                skip=SKIP,
            ),
        )
    return reference
