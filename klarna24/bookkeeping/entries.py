"""Adds accounts, customer and supplier, and texts: a line becomes an entry of the voucher."""

import json
import re
from collections.abc import Iterable, Iterator

from klarna24.bookkeeping.figures import SKIP
from klarna24.bookkeeping.lines import WORDS, Line
from klarna24.bookkeeping.payout import Payout, Transaction
from klarna24.bookkeeping.voucher import Books, Entry
from klarna24.config.tables import Profile
from klarna24.errors import Blocked
from klarna24.text import Language, sentence, translated

COMMENT_LENGTH = 75  # docs/vendors/24sevenoffice.md, "SaveBundleList"
# docs/vendors/24sevenoffice.md, "Newer findings"; a longer reference is blocked, so that 24SevenOffice cuts none
REFERENCE_LENGTH = {"comment": COMMENT_LENGTH, "invoice_no": 50, "ocr": 50}
# The key below ``accounts`` of each total. Its sign decides the side: what adds to the settlement is a credit, and
# what lowers it a debit.
ACCOUNT = {
    "sale": "receivable",
    "return": "receivable",
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


def accounts_of(lines: Iterable[Line], profile: Profile, books: Books) -> dict[tuple[str, str | None], int]:
    """Return the account of each kind and detailed type. Raises Blocked, which names all missing accounts."""
    accounts: dict[tuple[str, str | None], int] = {}
    missing: dict[str, list[str]] = {}
    for kind, detailed_type in dict.fromkeys((line.kind, line.detailed_type) for line in lines):
        number, key = _account(kind, detailed_type, profile)
        if number is None:
            missing.setdefault(key, []).append(detailed_type or "other")
        else:
            accounts[kind, detailed_type] = number
    table = f"[profiles.{profile.name}.accounts]"
    if missing:
        lines_to_add = "; ".join(_toml_line(key, types, profile) for key, types in missing.items())
        raise Blocked(
            "account-missing",
            sentence(
                "the profile has no account for it: add under {table}: {lines}", table=table, lines=lines_to_add
            ),
            sentence("replace ACCOUNT with the account's number; it is tried again at each run"),
        )
    unknown = sorted({number for number in accounts.values() if number not in books.chart})
    if unknown:
        raise Blocked(
            "account-unknown",
            sentence("not in 24SevenOffice's chart of accounts: {numbers}", numbers=", ".join(map(str, unknown))),
            sentence("add it there, or change {table}", table=table),
        )
    return accounts


def _account(kind: str, detailed_type: str | None, profile: Profile) -> tuple[int | None, str]:
    """Return the account's number, if the profile has it, and its key below ``accounts``."""
    accounts = profile.accounts
    if kind == "settlement":
        return accounts.payout, "payout"
    key = ACCOUNT[kind]
    if key in {"charges", "credits"}:
        by_type: dict[str, int] = getattr(accounts, key)
        number = by_type.get(detailed_type or "other")
        if number is None and not (detailed_type or "").startswith("LOAN_"):
            number = by_type.get("other")
        return number, key
    number = getattr(accounts, key)
    if number is None and key == "reversals":
        number = accounts.receivable
    return number, key


def _toml_line(key: str, missing: list[str], profile: Profile) -> str:
    """Return the line to add; for charges and credits the whole line, with what the profile has already."""
    if key not in {"charges", "credits"}:
        return f"{key} = ACCOUNT"
    by_type: dict[str, int | str] = {**getattr(profile.accounts, key), **dict.fromkeys(missing, "ACCOUNT")}
    pairs = (f"{_toml_key(detailed_type)} = {account}" for detailed_type, account in by_type.items())
    return f"{key} = {{ {', '.join(pairs)} }}"


def _toml_key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)


def entries_of(
    payout: Payout,
    lines: Iterable[Line],
    accounts: dict[tuple[str, str | None], int],
    profile: Profile,
    anchor: Line,
) -> Iterator[Entry]:
    """Yield an entry for each line. Raises Blocked if a reference is too long for its field."""
    by_target = profile.references.by_target()
    parties = {number: profile.voucher.party(number) for number in accounts.values()}
    for line in lines:
        account_no = accounts[line.kind, line.detailed_type]
        texts = {target: _reference(line.row, field, target) for target, field in by_target.items() if line.row}
        comment = texts.get("comment") if line is not anchor else None
        yield Entry(
            account_no=account_no,
            amount=line.amount,
            kind=line.kind,
            comment=comment or _comment(payout.payment_reference, line, profile.language),
            invoice_no=texts.get("invoice_no"),
            ocr=texts.get("ocr"),
            customer_id=parties[account_no],
            department_id=profile.voucher.department_id,
            project_id=profile.voucher.project_id,
        )


def _comment(payment_reference: str, line: Line, language: Language) -> str:
    """Return the comment of a line. Whether the reference fits is decided with the English word, so that no payout
    is blocked for its language; a longer word of another language is cut at its end, a reference never."""
    head, word = f"Klarna {payment_reference}", WORDS[line.kind]
    if len(f"{head} {word}") > COMMENT_LENGTH:
        raise Blocked(
            "reference-too-long",
            sentence(
                "the payment reference has {length} characters: too many for a comment of {longest}, by which the "
                "voucher is found again",
                length=len(payment_reference),
                longest=COMMENT_LENGTH,
            ),
            sentence("book it by hand, then {skip}", skip=SKIP),
        )
    comment = f"{head} {translated(word, language)}"
    if line.detailed_type:
        whole = f"{comment} {line.detailed_type}"
        # where both do not fit, Klarna's word stays, because it says more than ours; a word may be cut
        comment = whole if len(whole) <= COMMENT_LENGTH else f"{head} {line.detailed_type}"
    return comment[:COMMENT_LENGTH]


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
