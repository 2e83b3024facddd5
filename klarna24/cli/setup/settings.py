"""The second half of init: what is booked where, how often, and who is notified."""

import os
import re
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from click import echo

from klarna24.bookkeeping.usual_accounts import country_code, usual_account
from klarna24.check.accounts import OCR_ADVICE
from klarna24.cli.setup import suggestions
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import ask_choice, ask_hidden, ask_number, ask_text, ask_yes_no, print_error
from klarna24.config.folders import default_state_dir
from klarna24.config.loading import absolute_path
from klarna24.config.tables import WEEKDAYS, VoucherSettings
from klarna24.errors import Klarna24Error
from klarna24.twentyfour.setup import SetupClient

ACCOUNTS = {
    "payout": ("where the money arrives: a clearing account, or the bank", True),
    "receivable": ("the receivable for sales paid by Klarna", True),
    "fees": ("Klarna's fees, without VAT", False),
    "fees_vat": ("the VAT on Klarna's fees", False),
    "commission": ("commission that Klarna pays the shop", False),
    "holdback": ("what Klarna holds back for a while", False),
    "debt": ("what the shop owes Klarna after more returns than sales", False),
    "charges": ("other charges (add lines for loans by hand)", False),
    "credits": ("other credits", False),
}
LANGUAGES = {"sv": "svenska", "nb": "norsk bokmål", "en": "English"}
TRANSFERS = {
    "lump": "one entry for each of Klarna's totals (usual)",
    "itemised": "one entry for each sale, return and reversal",
    "itemised-fees": "as itemised, and one entry for each fee",
}
REFERENCES = {
    "order_id": "Order ID",
    "short_order_id": "Short order ID (the one that the customer sees)",
    "merchant_reference1": "Merchant reference 1",
    "merchant_reference2": "Merchant reference 2",
}
TARGETS = {"comment": "the comment", "invoice_no": "the invoice number", "ocr": "the OCR field"}
FREQUENCIES = {"daily": "(usual)", "weekly": "on a weekday", "monthly": "on a day of the month"}
ENCRYPTIONS = {"starttls": "port 587 (usual)", "tls": "port 465", "none": "port 25, without encryption"}
PORTS = {"starttls": "587", "tls": "465", "none": "25"}


def ask_start(draft: Draft) -> None:
    """The time zone and the start date."""
    echo("\nNo payout before the start date is ever drafted or even fetched.")
    zone = draft.table.get("timezone", suggestions.ZONES.get(_country(draft), "Europe/Stockholm"))
    draft.table["timezone"] = ask_text("Time zone", zone, _check_zone)
    today = datetime.now(ZoneInfo(draft.table["timezone"])).date()
    answer = ask_text("Start date", str(draft.table.get("start_date", today)), _check_date)
    draft.table["start_date"] = date.fromisoformat(answer)


def ask_language(draft: Draft) -> None:
    """The language of what klarna24 writes to people."""
    echo("\nThe language of voucher comments, problems and mails. The commands are in English.")
    default = draft.table.get("language", suggestions.LANGUAGES.get(_country(draft), "en"))
    draft.table["language"] = ask_choice("Which language?", LANGUAGES, default)


def ask_transfer(draft: Draft) -> None:
    """How detailed a voucher is."""
    default = draft.table.get("transfer", "lump")
    draft.table["transfer"] = ask_choice("\nHow should payouts be booked?", TRANSFERS, default)


def ask_accounts(draft: Draft) -> None:
    """An account for each key, those of the existing profile or the usual ones suggested."""
    echo("\nAccounts from the company's own chart. A payout that needs an account which is not set is blocked,")
    echo("with a message.")
    chart, accounts = draft.choices.chart, draft.table.setdefault("accounts", {})
    for key, (meaning, required) in ACCOUNTS.items():
        known = accounts.get(key)
        if isinstance(known, dict):
            echo(f"{key}: by detailed type, left as it is")
            continue
        default = known if known in chart else usual_account(_country(draft), key, chart)
        if key == "holdback" and default == accounts.get("receivable") and default != known:
            default = None  # one account for both could not be reconciled
        echo(f"{key}: {meaning}")
        number = ask_number(f"  {key}", chart, default, optional=not required)
        _set_or_remove(accounts, key, number)


def ask_parties(draft: Draft) -> None:
    """Klarna as customer and supplier, where the accounts are ledger accounts that need them."""
    voucher = draft.table.setdefault("voucher", {})
    ledger = VoucherSettings(ledger_accounts=voucher.get("ledger_accounts", []))
    accounts = draft.table["accounts"].values()
    numbers = [number for it in accounts for number in (it.values() if isinstance(it, dict) else [it])]
    needed = {ledger.ledger(number) for number in numbers}
    for key in ("customer_id", "supplier_id"):
        if key not in needed:
            voucher.pop(key, None)
            continue
        party = key.removesuffix("_id")
        echo(f"\nAn entry on a ledger account needs a {party}: Klarna, as it is in 24SevenOffice's CRM.")
        voucher[key] = _ask_party(draft, party, voucher.get(key))


def _ask_party(draft: Draft, party: str, known: int | None) -> int:
    while True:
        answer = ask_text(f"Klarna as {party} (number, or part of the name)", str(known or "Klarna"))
        try:
            found = draft.query_office(partial(SetupClient.parties, text=answer))
        except Klarna24Error as error:
            print_error(error)
            continue
        if found:
            number = ask_number(f"Which {party}", found, next(iter(found)) if len(found) == 1 else known)
            if number is not None:
                return number
        print_error(f"no {party} matches {answer!r}; create Klarna in 24SevenOffice, then answer again")


def ask_voucher_type(draft: Draft) -> None:
    """Stored by its title, or by its number where another type has the same title."""
    types = draft.choices.voucher_types
    echo("\nVoucher types: " + ", ".join(f"{title} ({number})" for number, title in types.items()))
    voucher = draft.table.setdefault("voucher", {})
    present = voucher.get("type", "Diverse")
    by_title = {title.casefold(): number for number, title in types.items()}
    default = present if isinstance(present, int) else by_title.get(str(present).casefold())
    number = ask_number("Voucher type", types, default)
    title = types[number] if number is not None else ""
    voucher["type"] = title if list(types.values()).count(title) == 1 else number


def ask_department(draft: Draft) -> None:
    """Skipped where the company has no departments."""
    voucher, departments = draft.table.setdefault("voucher", {}), draft.choices.departments
    number = None
    if departments:
        echo("\nDepartments distinguish several web shops of one company.")
        for known, name in departments.items():
            echo(f"  {known:<8} {name}")
        number = ask_number("Department", departments, voucher.get("department_id"), optional=True)
    _set_or_remove(voucher, "department_id", number)


def ask_references(draft: Draft) -> None:
    """Where the references of itemised entries go; each field takes one of them."""
    present = draft.table.pop("references", {})
    if draft.table["transfer"] == "lump":
        return
    echo("\nReferences on itemised entries: each field of an entry can hold one of them.")
    free = dict(TARGETS)
    chosen: dict[str, str] = {}
    for reference, title in REFERENCES.items():
        if not free:
            break
        default = present.get(reference) if present.get(reference) in free else "none"
        target = ask_choice(f"{title} goes to", {**free, "none": "nowhere"}, str(default))
        if target != "none":
            chosen[reference] = target
            del free[target]
        if (reference, target) == ("order_id", "ocr"):
            echo(f"  ! {OCR_ADVICE}; the short order ID fits")
    _set_or_remove(draft.table, "references", chosen or None)


def ask_frequency(draft: Draft) -> None:
    """When a profile is due."""
    table = draft.table
    weekday, day = table.pop("weekday", "monday"), table.pop("day", 1)
    default = table.get("frequency", "daily")
    table["frequency"] = ask_choice("\nHow often should payouts be fetched?", FREQUENCIES, default)
    if table["frequency"] == "weekly":
        table["weekday"] = ask_choice("On which day?", dict.fromkeys(WEEKDAYS, ""), weekday)
    if table["frequency"] == "monthly":
        table["day"] = int(ask_text("Day of the month (in a shorter month its last)", str(day), _check_month_day))


def ask_email(draft: Draft) -> None:
    """The mail server for problems, unless the file has one."""
    if "notify" in draft.file:
        echo("\nMail: as [notify.email] in the file says, for all profiles.")
        return
    draft.top.pop("notify", None)
    draft.typed.pop("notify.email", None)
    echo("\nA mail is sent when a problem is new, again after a week, and when it is over.")
    if not ask_yes_no("Send mail about problems?", default=False):
        return
    email: dict[str, Any] = {"host": ask_text("Mail server")}
    email["security"] = ask_choice("Encryption", ENCRYPTIONS, "starttls")
    email["port"] = int(ask_text("Port", PORTS[email["security"]], _check_port))
    if username := ask_text("User name (- for none)", "-").removeprefix("-"):
        email["username"] = username
        draft.typed["notify.email"] = ask_hidden("Password", keep=False) or ""
    email["from"] = ask_text("From", None, _check_mail_address)
    email["to"] = [ask_text("To", None, _check_mail_address)]
    draft.top["notify"] = {"email": email}
    echo("To test it after saving: klarna24 check --test-mail")


def ask_silence(draft: Draft) -> None:
    """After how many days without a payout that is a problem."""
    echo("\nCredentials that no longer see any payouts look like a shop without sales.")
    known = str(draft.table.get("expect_payout_within_days", "-"))
    answer = ask_text("Report a problem after how many days without a payout (- for never)", known, _check_days)
    _set_or_remove(draft.table, "expect_payout_within_days", None if answer == "-" else int(answer))


def ask_state_dir(draft: Draft) -> None:
    """The state folder, unless the file names one."""
    if "state_dir" in draft.file:
        return
    echo("\nThe state folder records what was drafted. Keep it on a local disk and in the backup.")
    default = str(absolute_path(draft.state_dir or default_state_dir()))
    draft.top["state_dir"] = ask_text("State folder", default, _check_absolute)


def _country(draft: Draft) -> str:
    return country_code(draft.choices.country, draft.choices.currency)


def _set_or_remove(table: dict[str, Any], key: str, value: object) -> None:
    """None is written as no line at all."""
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _check_zone(answer: str) -> str:
    try:
        return ZoneInfo(answer).key
    except (KeyError, ValueError, OSError):
        raise ValueError('a time zone looks like "Europe/Stockholm"') from None


def _check_date(answer: str) -> str:
    try:
        return date.fromisoformat(answer).isoformat()
    except ValueError:
        raise ValueError("a date looks like 2026-11-24") from None


def _number_check(what: str, most: int) -> Callable[[str], str]:
    """A check for a whole number from 1 to ``most``."""

    def check(answer: str) -> str:
        if not answer.isdecimal() or not 1 <= int(answer) <= most:
            raise ValueError(f"{what} is a number from 1 to {most}")
        return answer

    return check


_check_month_day = _number_check("a day of the month", 31)
_check_port = _number_check("a port", 65535)


def _check_days(answer: str) -> str:
    return answer if answer == "-" else _number_check("an answer other than -", 366)(answer)


def _check_mail_address(answer: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", answer):
        raise ValueError("an address looks like accounts@shop1.se")
    return answer


def _check_absolute(answer: str) -> str:
    path = Path(os.path.expanduser(answer))  # noqa: PTH111 - Path's own raises for an unknown user
    if not path.is_absolute():
        raise ValueError("give the whole path, beginning with /")
    return str(path)
