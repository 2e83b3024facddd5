"""From a payout to a voucher: pure, and the only place that decides what is booked where.

    payout, its rows, the profile, the books
      → _check_figures     the totals add up, or the payout is held
      → _check_books       currency, fiscal year
      → _lines             the money table: one line a total, or one a row
      → _entries           accounts, parties, comments, references
      → Voucher            balanced, or it cannot be constructed

Whatever is not certain raises :class:`~klarna24.errors.Held` with the figures and one next step.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from klarna24.config import Profile
from klarna24.errors import Held
from klarna24.payout import FEE_TERMS, NOT_TWO_DECIMALS, SIGNS, ZERO, Payout, Transaction
from klarna24.voucher import Books, Currency, Entry, FiscalYear, Voucher

COMMENT_LENGTH = 75  # facts: "Comment: keep to 75 characters"
# Nobody documents the longest invoice number or OCR; a Klarna order id (36) must pass, and anything beyond
# this is held rather than cut by 24SevenOffice.
REFERENCE_LENGTH = {"comment": COMMENT_LENGTH, "invoice_no": 50, "ocr": 50}

# The account of each total, as a key below ``accounts``. The side follows from the total's sign: what adds to
# the settlement is a credit, what lowers it a debit.
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
WORDS = {
    "settlement": "payout",
    "sale": "sales",
    "return": "returns",
    "reversal": "reversals",
    "fee": "fees",
    "fee_correction": "fee correction",
    "fee_refund": "fee refunds",
    "tax": "VAT on fees",
    "tax_refund": "VAT on fee refunds",
    "commission": "commission",
    "commission_reversal": "commission reversed",
    "charge": "charge",
    "credit": "credit",
    "holdback": "held back",
    "release": "released",
    "repay": "debt repaid",
    "deposit": "new debt",
}
# Which total a row belongs to, and with which sign it counts towards it (facts: "The arithmetic"). Row types
# without an entry here are known, and left to the totals.
ROW_TOTAL = {
    "SALE": ("sale", 1),
    "RETURN": ("return", 1),
    "REVERSAL": ("reversal", 1),
    "REVERSAL_MERCHANT_PROTECTION": ("reversal", -1),
    "FEE": ("fee", 1),
    "FEE_REFUND": ("fee_refund", 1),
    "CHARGE": ("charge", 1),
    "CREDIT": ("credit", 1),
}
KNOWN_ROWS = {*ROW_TOTAL, "COMMISSION", "TAX", "CORRECTION", "HOLDBACK", "RELEASE"}
ITEMISED = {
    "lump": frozenset[str](),
    "itemised": frozenset({"sale", "return", "reversal"}),
    "itemised-fees": frozenset({"sale", "return", "reversal", "fee", "fee_refund"}),
}


@dataclass(frozen=True, slots=True)
class _Line:
    """A voucher line before it has an account: debit positive. ``row`` is there on itemised lines only."""

    kind: str
    amount: Decimal
    detailed_type: str | None = None
    row: Transaction | None = None


def needs_rows(payout: Payout, profile: Profile, books: Books) -> bool:
    """Whether the voucher (or the reason to hold) cannot be made from the totals alone."""
    return bool(
        profile.transfer != "lump"
        or payout.totals["charge"]
        or payout.totals["credit"]
        # a held payout in a foreign currency shows Klarna's own VAT, and only the rows have it
        or (_is_foreign(payout, books) and profile.voucher.foreign_currency == "hold")
    )


def voucher_for(payout: Payout, rows: Sequence[Transaction], profile: Profile, books: Books) -> Voucher | None:
    """The voucher of one payout; None where there is nothing to book: every total zero, or left out.

    ``rows`` are all of the payout's, or empty where :func:`needs_rows` says no. Raises Held.
    """
    left_out = _check_figures(payout)
    if not any(payout.totals.amounts.values()) and not payout.totals.settlement:
        return None
    currency = _currency(payout, rows, profile, books)
    day = payout.local_date(profile.timezone)
    year = fiscal_year(day, profile, books.fiscal_years)
    rows = [row for row in rows if row.currency == payout.currency]
    lines = list(_lines(payout, rows, ITEMISED[profile.transfer] - left_out, left_out))
    if not lines:
        return None
    if len(lines) > profile.voucher.max_entries:
        raise Held(
            "too-many-entries",
            f"{len(lines)} entries, and max_entries is {profile.voucher.max_entries}",
            f'under [profiles.{profile.name}]: transfer = "lump", or a greater max_entries under voucher',
        )
    accounts = _accounts(lines, profile, books)
    anchor = _anchor(lines)
    entries = tuple(_entries(payout, lines, accounts, profile, anchor))
    return Voucher(
        payment_reference=payout.payment_reference,
        date=day,
        type=books.voucher_type,
        year=year,
        currency=currency,
        entries=entries,
        anchor=entries[lines.index(anchor)],
    )


# What the figures must say of themselves


def _check_figures(payout: Payout) -> frozenset[str]:
    """Hold what does not add up; return the totals that are no part of this settlement (GROSS fees)."""
    if payout.settlement_type == "GROSS_FEE":
        raise Held(
            "gross-fee",
            f"GROSS_FEE: Klarna's fee invoice of {_money(payout, payout.totals.settlement)}, not a payout",
            "book the fee invoice by hand, then klarna24 resolve --skip",
        )
    if payout.settlement_type not in {"NET", "GROSS"}:
        raise Held(
            "unknown-type",
            f"settlement type {payout.settlement_type!r} is not known",
            "book it by hand, then klarna24 resolve --skip, and tell us",
        )
    if payout.currency in NOT_TWO_DECIMALS:
        raise Held(
            "currency",
            f"{payout.currency} has not two decimals, as 24SevenOffice's amounts have",
            "book it by hand, then klarna24 resolve --skip",
        )
    _check_signs(payout)
    left_out = _check_sum(payout)
    _check_debt(payout)
    return left_out


def _check_signs(payout: Payout) -> None:
    totals = payout.totals
    figures = {**totals.amounts, "opening debt": totals.opening_debt, "closing debt": totals.closing_debt}
    negative = [f"{name} {_money(payout, amount)}" for name, amount in figures.items() if amount < 0]
    if negative:
        raise Held(
            "negative",
            f"Klarna's totals are magnitudes, and these are negative: {', '.join(negative)}",
            "ask Klarna what they mean, book it by hand, then klarna24 resolve --skip",
        )


def _check_sum(payout: Payout) -> frozenset[str]:
    totals = payout.totals
    whole = totals.signed_sum()
    if whole == totals.settlement:
        return frozenset()
    if payout.settlement_type == "GROSS" and totals.signed_sum(without=FEE_TERMS) == totals.settlement:
        return FEE_TERMS
    without = totals.signed_sum(without=FEE_TERMS)
    or_without = f" (GROSS: {without:.2f} without fees)" if payout.settlement_type == "GROSS" else ""
    raise Held(
        "residual",
        f"the totals add up to {_money(payout, whole)}{or_without}, but the settlement is "
        f"{_money(payout, totals.settlement)}: {_money(payout, totals.settlement - whole)} is unexplained",
        "compare with Klarna's settlement report, ask Klarna; it is tried again at each run",
    )


def _check_debt(payout: Payout) -> None:
    totals = payout.totals
    expected = totals.opening_debt - totals["repay"] + totals["deposit"]
    if expected != totals.closing_debt:
        raise Held(
            "debt",
            f"opening debt {totals.opening_debt:.2f} − repaid {totals['repay']:.2f} + new debt "
            f"{totals['deposit']:.2f} = {_money(payout, expected)}, but the closing debt is "
            f"{_money(payout, totals.closing_debt)}",
            "compare with Klarna's settlement report, ask Klarna; it is tried again at each run",
        )


# What the company's books must say


def _is_foreign(payout: Payout, books: Books) -> bool:
    return payout.currency != books.home_currency


def _currency(payout: Payout, rows: Iterable[Transaction], profile: Profile, books: Books) -> Currency:
    if not _is_foreign(payout, books):
        return Currency(payout.currency)
    if profile.voucher.foreign_currency == "rate" and payout.currency in books.currencies:
        return books.currencies[payout.currency]
    if profile.voucher.foreign_currency == "rate":
        why, hint = "24SevenOffice has no rate for it", f"add {payout.currency} to 24SevenOffice's currencies"
    else:
        why = f"the company keeps its books in {books.home_currency}"
        hint = f'book it by hand, or under [profiles.{profile.name}.voucher]: foreign_currency = "rate"'
    raise Held(
        "currency",
        f"{_money(payout, payout.totals.settlement)} was paid, and {why}{_own_vat(payout, rows)}",
        hint,
    )


def _own_vat(payout: Payout, rows: Iterable[Transaction]) -> str:
    """Klarna's VAT in the country where the merchant is registered: what its VAT return needs."""
    sums: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.currency == payout.currency and row.registration_tax and row.registration_currency:
            what = "VAT on fee refunds" if row.type == "FEE_REFUND" else "VAT on fees"
            sums[what, row.registration_currency] += row.registration_tax
    return "".join(f"; Klarna's own {what}: {amount:.2f} {code}" for (what, code), amount in sums.items())


def fiscal_year(day: date, profile: Profile, years: Iterable[FiscalYear]) -> int:
    """The number that 24SevenOffice gives the year of ``day`` (facts: YearId; undocumented for a split one).
    Raises Held where nothing can be booked on that day."""
    year = next((year for year in years if year.start <= day < year.end), None)
    if year is None:
        raise Held("fiscal-year", f"there is no fiscal year with {day} in it", "create it in 24SevenOffice")
    last_day = year.end - timedelta(days=1)
    if year.locked:
        raise Held(
            "fiscal-year",
            f"the fiscal year {year.start} – {last_day} is locked",
            "unlock it in 24SevenOffice, or book by hand, then klarna24 resolve --skip",
        )
    if year.start.year == last_day.year:
        return year.start.year
    if profile.voucher.fiscal_year is None:
        raise Held(
            "fiscal-year",
            f"the fiscal year {year.start} – {last_day} is split: its number may be {year.start.year} or "
            f"{last_day.year}",
            f'under [profiles.{profile.name}.voucher]: fiscal_year = "start" or "end"',
        )
    return (year.start if profile.voucher.fiscal_year == "start" else last_day).year


# The money table


def _lines(
    payout: Payout, rows: Sequence[Transaction], itemised: frozenset[str], left_out: frozenset[str]
) -> Iterator[_Line]:
    """The voucher's lines, the settlement first; zeros make none, and nothing is netted."""
    by_total = _rows_by_total(payout, rows, itemised)
    if payout.totals.settlement:
        yield _Line("settlement", payout.totals.settlement)
    for total, sign in SIGNS.items():
        if total in left_out:
            continue
        if total in itemised:
            for row, counts in by_total[total]:
                if row.amount:
                    yield _Line(total, -sign * counts * row.amount, row=row)
        elif total in {"charge", "credit"}:
            yield from _by_detailed_type(total, sign, by_total[total])
        elif payout.totals[total]:
            yield _Line(total, -sign * payout.totals[total])


def _by_detailed_type(total: str, sign: int, rows: Iterable[tuple[Transaction, int]]) -> Iterator[_Line]:
    """One line a detailed type: a loan among the charges is no cost (facts: CHARGE and CREDIT)."""
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row, _ in rows:
        sums[row.detailed_type or ""] += row.amount
    for detailed_type in sorted(sums):
        if sums[detailed_type]:
            yield _Line(total, -sign * sums[detailed_type], detailed_type=detailed_type or None)


def _rows_by_total(
    payout: Payout, rows: Sequence[Transaction], itemised: frozenset[str]
) -> dict[str, list[tuple[Transaction, int]]]:
    """The rows behind the totals that need them. Raises Held where they do not tell the same story."""
    by_total: defaultdict[str, list[tuple[Transaction, int]]] = defaultdict(list)
    unknown = sorted({row.type for row in rows if row.type not in KNOWN_ROWS})
    if unknown:
        raise Held(
            "unknown-type",
            f"Klarna's rows have a type that is not known: {', '.join(unknown)}",
            "book it by hand, then klarna24 resolve --skip, and tell us",
        )
    needed = itemised | {total for total in ("charge", "credit") if itemised or payout.totals[total]}
    for row in rows:
        total, counts = ROW_TOTAL.get(row.type, ("", 0))
        if total in needed:
            by_total[total].append((row, counts))
    for total in SIGNS:
        if total in needed:
            _check_rows(payout, total, by_total[total])
    return by_total


def _check_rows(payout: Payout, total: str, rows: list[tuple[Transaction, int]]) -> None:
    negative = next((row for row, _ in rows if row.amount < 0), None)
    if negative is not None:
        raise Held(
            "negative",
            f"a {negative.type} row is negative: {_money(payout, negative.amount)}",
            "ask Klarna what it means, book it by hand, then klarna24 resolve --skip",
        )
    total_of_rows = sum((counts * row.amount for row, counts in rows), ZERO)
    if total_of_rows != payout.totals[total]:
        raise Held(
            "rows-mismatch",
            f"{WORDS[total]}: Klarna's rows ({len(rows)}) add up to {_money(payout, total_of_rows)}, its total is "
            f"{_money(payout, payout.totals[total])}",
            "it is tried again at each run; if it stays, ask Klarna",
        )


def _anchor(lines: list[_Line]) -> _Line:
    """The settlement; where it is zero the largest line that is not a row; of rows only, the largest."""
    if lines[0].kind == "settlement":
        return lines[0]
    of_totals = [line for line in lines if line.row is None]
    return max(of_totals or lines, key=_size)


def _size(line: _Line) -> tuple[Decimal, Decimal, str]:
    """By amount; equal ones by what stands in them, for Klarna's order is none to rely on."""
    return abs(line.amount), line.amount, repr(line)


# Accounts, parties and texts


def _accounts(lines: Iterable[_Line], profile: Profile, books: Books) -> dict[tuple[str, str | None], int]:
    """The account of each kind (and detailed type). Raises Held naming all that are missing at once."""
    accounts: dict[tuple[str, str | None], int] = {}
    missing: dict[str, list[str]] = {}
    for kind, detailed_type in dict.fromkeys((line.kind, line.detailed_type) for line in lines):
        number, key = _account(kind, detailed_type, profile)
        if number is None:
            missing.setdefault(key, []).append(detailed_type or "other")
        else:
            accounts[kind, detailed_type] = number
    if missing:
        lines_to_add = "; ".join(_toml_line(key, types, profile) for key, types in missing.items())
        raise Held(
            "account-missing",
            f"the profile has no account for it: add under [profiles.{profile.name}.accounts]: {lines_to_add}",
            "put the account's number for ACCOUNT; it is tried again at each run",
        )
    unknown = sorted({number for number in accounts.values() if number not in books.chart})
    if unknown:
        raise Held(
            "account-unknown",
            f"not in 24SevenOffice's chart of accounts: {', '.join(map(str, unknown))}",
            f"add it there, or change [profiles.{profile.name}.accounts]",
        )
    return accounts


def _account(kind: str, detailed_type: str | None, profile: Profile) -> tuple[int | None, str]:
    """The account and its key below ``accounts``."""
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
    """The line to add; for charges and credits the whole one, with what stands there already."""
    if key not in {"charges", "credits"}:
        return f"{key} = ACCOUNT"
    by_type: dict[str, int | str] = {**getattr(profile.accounts, key), **dict.fromkeys(missing, "ACCOUNT")}
    pairs = (f"{_toml_key(detailed_type)} = {account}" for detailed_type, account in by_type.items())
    return f"{key} = {{ {', '.join(pairs)} }}"


def _toml_key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else json.dumps(text, ensure_ascii=False)


def _entries(
    payout: Payout,
    lines: Iterable[_Line],
    accounts: dict[tuple[str, str | None], int],
    profile: Profile,
    anchor: _Line,
) -> Iterator[Entry]:
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
            comment=comment or _comment(payout.payment_reference, line),
            invoice_no=texts.get("invoice_no"),
            ocr=texts.get("ocr"),
            customer_id=parties[account_no],
            department_id=profile.voucher.department_id,
            project_id=profile.voucher.project_id,
        )


def _comment(payment_reference: str, line: _Line) -> str:
    comment = f"Klarna {payment_reference} {WORDS[line.kind]}"
    if len(comment) > COMMENT_LENGTH:
        raise Held(
            "reference-too-long",
            f"the payment reference has {len(payment_reference)} characters: too many for a comment of "
            f"{COMMENT_LENGTH}, by which the voucher is found again",
            "book it by hand, then klarna24 resolve --skip",
        )
    if line.detailed_type:
        whole = f"{comment} {line.detailed_type}"
        # Klarna's word tells more than ours, and may be cut where a reference may not
        short = f"Klarna {payment_reference} {line.detailed_type}"
        comment = whole if len(whole) <= COMMENT_LENGTH else short[:COMMENT_LENGTH]
    return comment


def _reference(row: Transaction, field: str, target: str) -> str | None:
    reference: str | None = getattr(row, field)
    longest = REFERENCE_LENGTH[target]
    if reference and len(reference) > longest:
        raise Held(
            "reference-too-long",
            f"{field} {reference[:20]!r}… has {len(reference)} characters, and {target} takes {longest}",
            f"take {field} out of the profile's references, or book by hand, then klarna24 resolve --skip",
        )
    return reference


def _money(payout: Payout, amount: Decimal) -> str:
    return f"{amount:.2f} {payout.currency}"
