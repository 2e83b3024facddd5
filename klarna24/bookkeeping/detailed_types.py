"""The one table of Klarna's detailed types: what each is, how it is booked, and which fact says so.

The mapping, its messages, ``check`` and the table in docs/bookkeeping.md read it. What is not in it is booked by
nobody until the profile has a line for it: a name that Klarna has not described could be a loan or a debt.
"""

from dataclasses import dataclass
from enum import Enum

from klarna24.text.sentences import Sentence, sentence


class Nature(Enum):
    """How a row of a documented type is booked."""

    TOTAL = "with its total"  # on the one account of its total
    ORDINARY = "under its own line, else under other"
    LOAN = "under its own line only"
    DEBT = "under its own line, else on debt"


DOCUMENTED = 'docs/vendors/klarna.md, "Detailed types": Klarna documents it'
OLDER_CONTRACT = 'docs/vendors/klarna.md, "Detailed types": the older contract lists it'
OLDER_DATA = 'docs/vendors/klarna.md, "Detailed types": seen in older data'


@dataclass(frozen=True, slots=True)
class DetailedType:
    """One kind of row. ``row_types`` are those under which Klarna documents it, or has shown it; ``source`` is the
    fact that says so. ``stands_out``: where it has no line of its own, a remark says what it is."""

    name: str
    row_types: tuple[str, ...]
    nature: Nature
    meaning: Sentence
    source: str = DOCUMENTED
    stands_out: bool = False


# The key below ``accounts`` of the row types that are told apart.
KEYS = {
    "RETURN": "returns",
    "REVERSAL": "reversals",
    "REVERSAL_MERCHANT_PROTECTION": "reversals",
    "CHARGE": "charges",
    "CREDIT": "credits",
}
COMMISSION_RETURN = "COMMISSION_RETURN"
FRAUD_CHARGE, FRAUD_CREDIT = "FRAUD_POLICY_CHARGE", "FRAUD_POLICY_CREDIT_NET"
MOVES = ("CHARGE", "CREDIT")
LOAN_PREFIXES = ("LOAN_", "CASH_ADVANCE_")
# docs/vendors/klarna.md, "Detailed types"
DETAILED_TYPES = (
    DetailedType("PURCHASE", ("SALE",), Nature.TOTAL, sentence("an order that was captured")),
    DetailedType("PURCHASE_RETURN", ("RETURN",), Nature.ORDINARY, sentence("a refund by the shop")),
    DetailedType(
        "PAYMENT_DEFAULT",
        ("RETURN",),
        Nature.ORDINARY,
        sentence("a refund by Klarna because the customer does not pay: a bad debt or a claim, no returned goods"),
        stands_out=True,
    ),
    DetailedType("REVERSAL", ("REVERSAL",), Nature.ORDINARY, sentence("a dispute that the customer won")),
    DetailedType(
        FRAUD_CHARGE,
        ("REVERSAL",),
        Nature.ORDINARY,
        sentence("a fraudulent order under merchant protection, taken back with the consumer's VAT"),
    ),
    DetailedType(
        FRAUD_CREDIT,
        ("REVERSAL_MERCHANT_PROTECTION",),
        Nature.ORDINARY,
        sentence("the value of that order without the consumer's VAT, which stays with the shop"),
    ),
    DetailedType(
        COMMISSION_RETURN, ("REVERSAL",), Nature.ORDINARY, sentence("commission taken back"), stands_out=True
    ),
    DetailedType("PURCHASE_FEE_FIXED", ("FEE", "FEE_REFUND"), Nature.TOTAL, sentence("a fixed fee for an order")),
    DetailedType("PURCHASE_FEE_PERCENTAGE", ("FEE",), Nature.TOTAL, sentence("a fee in per cent of an order")),
    DetailedType("SERVICING_FEE", ("FEE",), Nature.TOTAL, sentence("a fee for servicing")),
    DetailedType("EXPIRY_FEE_GROSS", ("FEE",), Nature.TOTAL, sentence("a fee for an order that expired")),
    DetailedType("EXTEND_DUE_DATE_FEE", ("FEE",), Nature.TOTAL, sentence("a fee for a later due date")),
    DetailedType("LATE_RETURN_FEE", ("FEE",), Nature.TOTAL, sentence("a fee for a late return")),
    DetailedType("DISPUTE_FEE", ("FEE",), Nature.TOTAL, sentence("a fee for a dispute")),
    DetailedType("DISPUTE_FEE", MOVES, Nature.ORDINARY, sentence("a fee for a dispute"), OLDER_DATA),
    DetailedType(
        "PURCHASE_FEE_PERCENTAGE_REFUND", ("FEE_REFUND",), Nature.TOTAL, sentence("a fee in per cent given back")
    ),
    DetailedType("DISPUTE_FEE_REFUND", ("FEE_REFUND",), Nature.TOTAL, sentence("a fee for a dispute given back")),
    DetailedType(
        "DISPUTE_FEE_REFUND", MOVES, Nature.ORDINARY, sentence("a fee for a dispute given back"), OLDER_DATA
    ),
    DetailedType("COMMISSION", ("COMMISSION",), Nature.TOTAL, sentence("commission paid to the shop")),
    DetailedType(
        "PURCHASE_COMMISSION_PERCENTAGE",
        ("COMMISSION",),
        Nature.TOTAL,
        sentence("commission in per cent, paid to the shop"),
    ),
    DetailedType(
        "CREDITED_CORRECTION",
        ("CORRECTION", *MOVES),
        Nature.ORDINARY,
        sentence("a correction by hand that was agreed on, of either sign"),
    ),
    DetailedType("CORRECTION", MOVES, Nature.ORDINARY, sentence("a correction"), OLDER_CONTRACT),
    DetailedType("MANUAL_ENTRY", MOVES, Nature.ORDINARY, sentence("an entry by hand"), OLDER_CONTRACT),
    DetailedType(
        "CORRECTION_DISPUTE",
        MOVES,
        Nature.ORDINARY,
        sentence("a refund to a customer that was wrongly charged"),
        stands_out=True,  # it takes a refund back, so that it is no income
    ),
    DetailedType("CASH_ADVANCE_PAYOUT", ("CREDIT",), Nature.LOAN, sentence("a loan paid out")),
    DetailedType("CASH_ADVANCE_FEES", ("CREDIT",), Nature.LOAN, sentence("the fee of a loan")),
    DetailedType("CASH_ADVANCE_AMORTISATION", ("CHARGE",), Nature.LOAN, sentence("a loan repaid")),
    DetailedType("LOAN_PAYOUT", ("CREDIT",), Nature.LOAN, sentence("a loan paid out"), OLDER_CONTRACT),
    DetailedType("LOAN_FEE", ("CHARGE",), Nature.LOAN, sentence("the fee of a loan"), OLDER_CONTRACT),
    DetailedType("LOAN_AMORTISATION", ("CHARGE",), Nature.LOAN, sentence("a loan repaid"), OLDER_CONTRACT),
    DetailedType(
        "TRANSFER_FROM_LEGACY_INTEGRATION",
        ("CHARGE",),
        Nature.DEBT,
        sentence("a debt moved from an older integration"),
    ),
    DetailedType("LIABILITY_TRANSFER", ("CHARGE",), Nature.DEBT, sentence("a debt moved from another account")),
    DetailedType("PAYMENT_REMINDER", ("CHARGE",), Nature.DEBT, sentence("a debt that Klarna calls in")),
    DetailedType(
        "ROLLING_RESERVE", ("HOLDBACK", "RELEASE"), Nature.TOTAL, sentence("held back as a reserve, or released")
    ),
    DetailedType(
        "UNDER_REVIEW",
        ("HOLDBACK", "RELEASE"),
        Nature.TOTAL,
        sentence("held back while Klarna reviews the shop, or released"),
    ),
    DetailedType(
        "INSUFFICIENT_BANK_ACCOUNT_DETAILS",
        ("HOLDBACK", "RELEASE"),
        Nature.TOTAL,
        sentence("held back because Klarna lacks details of the bank account, or released"),
    ),
)
_BY_ROW = {(row_type, it.name): it for it in DETAILED_TYPES for row_type in it.row_types}
# Loans and debts are told from their names alone: whether Klarna puts one among the charges or the credits, it is
# neither an income nor a cost.
_BY_NAME = {it.name: it for it in DETAILED_TYPES if it.nature in {Nature.LOAN, Nature.DEBT}}


def nature_of(row_type: str, detailed_type: str | None) -> Nature | None:
    """Return how a row of one of the types in :data:`KEYS` is booked; None if nobody has described its name."""
    if not detailed_type:
        return Nature.ORDINARY
    if known := described(row_type, detailed_type):
        return known.nature
    return Nature.LOAN if detailed_type.startswith(LOAN_PREFIXES) else None


def described(row_type: str, detailed_type: str) -> DetailedType | None:
    """Return what is known of a detailed type; None where nobody has described it under that row type.

    A reversal and its protection have one table of accounts, and so one list of names.
    """
    if known := _BY_NAME.get(detailed_type):
        return known
    same_key = [it for it, key in KEYS.items() if key == KEYS.get(row_type)] or [row_type]
    return next((it for one in same_key if (it := _BY_ROW.get((one, detailed_type)))), None)
