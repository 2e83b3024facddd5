"""Where each of Klarna's totals is booked, the VAT on its fees, and whose the entries are."""

from collections.abc import Callable, Iterator
from functools import partial

from klarna24.bookkeeping.usual_accounts import usual_account
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import Refused
from klarna24.cli.setup.question import Question
from klarna24.config.tables import VoucherSettings
from klarna24.config.values import vat_rate
from klarna24.errors import Klarna24Error
from klarna24.text.sentences import Sentence, sentence
from klarna24.twentyfour.setup import SetupClient

REQUIRED = ("payout", "receivable")
ACCOUNTS: dict[str, tuple[Sentence, Sentence]] = {
    "payout": (
        sentence("Account for payouts"),
        sentence("Where the money arrives: a clearing account (best), or the bank"),
    ),
    "receivable": (
        sentence("Account for the receivable"),
        sentence("The receivable for sales paid by Klarna"),
    ),
    "fees": (sentence("Account for fees"), sentence("Klarna's fees, without VAT")),
    "fees_vat": (sentence("Account for VAT on fees"), sentence("The VAT on Klarna's fees")),
    "commission": (sentence("Account for commission"), sentence("Commission that Klarna pays the shop")),
    "holdback": (sentence("Account for holdback"), sentence("What Klarna holds back for a while")),
    "debt": (
        sentence("Account for debt"),
        sentence("What the shop owes Klarna after more returns than sales"),
    ),
    "charges": (sentence("Account for charges"), sentence("Other charges (not loans)")),
    "credits": (sentence("Account for credits"), sentence("Other credits (not loans)")),
    "reversals": (
        sentence("Account for reversals"),
        sentence("Lost disputes and fraud; without an account they go to the receivable"),
    ),
}
BY_TYPE = sentence("by detailed type, left as it is: change it in profiles.toml")
VAT_MODES = {
    "klarna": sentence("Klarna's own VAT figure (usual in Sweden)"),
    "none": sentence("no VAT: a payout for which Klarna states VAT is blocked"),
    "reverse-charge": sentence("reverse charge: the company reckons output and input VAT itself"),
}
USUAL_RATE = 25


def ask_account(draft: Draft, key: str) -> None:
    """An account of the chart, the present or the usual one suggested."""
    chart, known = draft.choices.chart, draft.get("accounts", key)
    if key == "payout":
        draft.prompts.heading(
            sentence(
                "Accounts of the company's chart: answer with a number or a part of the name, - for none. A "
                "payout that needs an account which is not set is blocked, with a message."
            )
        )
    if isinstance(known, dict):
        draft.prompts.say(BY_TYPE, indent=2)
        return
    default = known if known in chart else usual_account(draft.country, key, chart)
    if key == "holdback" and default == draft.get("accounts", "receivable") and default != known:
        default = None  # one account for both could not be reconciled
    number = draft.prompts.number(ACCOUNTS[key][1], chart, default, optional=key not in REQUIRED)
    draft.put("accounts", key, number)
    draft.reopen([party for party in PARTIES if not draft.get("voucher", party)])


def _account_answer(draft: Draft, key: str) -> str:
    return _named(draft, draft.get("accounts", key))


def _named(draft: Draft, number: object) -> str:
    if isinstance(number, dict):
        return draft.prompts.reader.say(sentence("by detailed type"))
    return f"{number} {draft.choices.chart.get(number, '')}" if isinstance(number, int) else "–"


# The customer and the supplier

PARTIES = {
    "customer_id": (
        sentence("Klarna as customer"),
        sentence("Klarna as customer in 24SevenOffice (number, or part of the name)"),
        sentence("Which customer"),
    ),
    "supplier_id": (
        sentence("Klarna as supplier"),
        sentence("Klarna as supplier in 24SevenOffice (number, or part of the name)"),
        sentence("Which supplier"),
    ),
}


def needs_party(draft: Draft, key: str) -> bool:
    """Whether one of the accounts is a ledger account, whose entries need it."""
    ledger = VoucherSettings(ledger_accounts=draft.get("voucher", "ledger_accounts", []))
    tables = (draft.table.get("accounts", {}), draft.table.get("vat", {}))
    numbers = list(_numbers([it for table in tables for name, it in table.items() if name != "rate"]))
    return key in {ledger.ledger(number) for number in numbers}


def _numbers(values: list[object]) -> Iterator[int]:
    for it in values:
        if isinstance(it, dict):
            yield from _numbers(list(it.values()))
        elif isinstance(it, int):
            yield it


def ask_party(draft: Draft, key: str) -> None:
    """Klarna in 24SevenOffice's register, found by its number or name."""
    _, search, which = PARTIES[key]
    known = draft.get("voucher", key)
    draft.prompts.heading(sentence("An entry on a ledger account names a customer or a supplier."))
    while True:
        text = draft.prompts.text(search, str(known or "Klarna"))
        try:
            found = draft.ask_office(partial(SetupClient.parties, text=text))
        except Klarna24Error as error:
            draft.prompts.error(error.message)
            continue
        if found:
            default = next(iter(found)) if len(found) == 1 else known if known in found else None
            draft.put("voucher", key, draft.prompts.number(which, found, default))
            return
        draft.prompts.error(
            sentence("nothing matches {text}; create Klarna in 24SevenOffice, then answer again", text=text)
        )


# VAT


def ask_vat_mode(draft: Draft) -> None:
    """How the VAT on fees is booked. In Norway there is no suggestion: the accountant has to say."""
    is_norway = draft.country == "NO"
    if is_norway:
        draft.prompts.heading(
            sentence(
                "VAT on Klarna's fees: in Norway most financial services are exempt, and others from abroad are "
                "taxed by the buyer (reverse charge). Ask your accountant which it is."
            )
        )
    else:
        draft.prompts.heading(sentence("The VAT on Klarna's fees."))
    known = draft.get("vat", "mode", None if is_norway else "klarna")
    mode = draft.prompts.choice(sentence("How is it booked"), VAT_MODES, known)
    draft.put("vat", "mode", mode)
    if mode == "reverse-charge":
        draft.reopen(key for key in ("rate", "output", "input") if draft.get("vat", key) is None)
    else:
        for key in ("rate", "output", "input"):
            draft.put("vat", key, None)


def ask_rate(draft: Draft) -> None:
    """Per cent."""

    def check(answer: str) -> str:
        number = answer.replace(",", ".").removesuffix("%").strip()
        try:
            return f"{float(str(vat_rate(float(number)))):g}"
        except ValueError:
            raise Refused(sentence("a rate in per cent looks like 25")) from None

    known = draft.get("vat", "rate", USUAL_RATE)
    typed = float(draft.prompts.text(sentence("Rate of the VAT in per cent"), f"{known:g}", check))
    draft.put("vat", "rate", int(typed) if typed.is_integer() else typed)


def ask_vat_account(draft: Draft, key: str, question: Sentence) -> None:
    """An account of the chart. Output and input are not the same."""
    chart = draft.choices.chart
    default = draft.get("vat", key) or usual_account(draft.country, f"vat_{key}", chart)
    other = draft.get("vat", "output") if key == "input" else None
    number = draft.prompts.number(question, {n: it for n, it in chart.items() if n != other}, default)
    draft.put("vat", key, number)
    draft.reopen([party for party in PARTIES if not draft.get("voucher", party)])


def _is_reverse(draft: Draft) -> bool:
    return bool(draft.get("vat", "mode") == "reverse-charge")


def _vat_account(key: str, title: Sentence, question: Sentence) -> Question:
    return Question(
        f"vat.{key}",
        lambda draft: ask_vat_account(draft, key, question),
        title,
        lambda draft: _named(draft, draft.get("vat", key)),
        applies=_is_reverse,
    )


def _account(key: str, is_rare: Callable[[Draft], bool] = lambda draft: False) -> Question:
    return Question(
        f"accounts.{key}",
        lambda draft: ask_account(draft, key),
        ACCOUNTS[key][0],
        lambda draft: _account_answer(draft, key),
        is_rare=is_rare,
    )


def _party(key: str) -> Question:
    return Question(
        key,
        lambda draft: ask_party(draft, key),
        PARTIES[key][0],
        lambda draft: str(draft.get("voucher", key)),
        applies=lambda draft: needs_party(draft, key),
    )


QUESTIONS = (
    *(_account(key) for key in ACCOUNTS if key != "reversals"),
    Question(
        "vat.mode",
        ask_vat_mode,
        sentence("VAT on the fees"),
        lambda draft: draft.prompts.reader.say(VAT_MODES[draft.get("vat", "mode", "klarna")]),
        is_rare=lambda draft: draft.country != "NO",
    ),
    Question(
        "vat.rate",
        ask_rate,
        sentence("Rate of VAT"),
        lambda draft: f"{draft.get('vat', 'rate', 0):g} %",
        applies=_is_reverse,
    ),
    _vat_account("output", sentence("Account for output VAT"), sentence("The account of output VAT")),
    _vat_account("input", sentence("Account for input VAT"), sentence("The account of input VAT")),
    _account("reversals", is_rare=lambda draft: True),
    _party("customer_id"),
    _party("supplier_id"),
)
