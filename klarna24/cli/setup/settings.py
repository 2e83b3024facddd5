"""The second half of init: what is booked where, how often, and who is told."""

import re
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from klarna24.cli.setup import suggestions as usual
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import choose, pick, say, secret, text, wrong, yes
from klarna24.config.folders import default_state_dir
from klarna24.config.tables import WEEKDAYS, VoucherSettings
from klarna24.errors import Klarna24Error
from klarna24.twentyfour.setup import SetupClient

ACCOUNTS = {
    "payout": ("where the money arrives: the bank, or a clearing account", True),
    "receivable": ("what the shop's sales were booked against", True),
    "fees": ("Klarna's fees, without VAT", False),
    "fees_vat": ("the VAT on Klarna's fees", False),
    "commission": ("commission paid to the shop", False),
    "holdback": ("what Klarna holds back for a while", False),
    "debt": ("what the shop owes Klarna after a bad week", False),
    "charges": ("other charges (loans need lines of their own, by hand)", False),
    "credits": ("other credits", False),
}
REFERENCES = {"order_id": "Order ID", "merchant_reference1": "Merchant reference 1", "merchant_reference2": "…2"}
TARGETS = {"comment": "the comment", "invoice_no": "the invoice number", "ocr": "the OCR field"}


def ask_start(draft: Draft) -> None:
    say("\nNo payout before the start date is ever touched: no history is fetched.")
    country = usual.country_code(draft.choices.country, draft.choices.currency)
    draft.table["timezone"] = text(
        "Time zone", draft.table.get("timezone", usual.ZONES.get(country, "Europe/Stockholm")), _zone
    )
    today = datetime.now(ZoneInfo(draft.table["timezone"])).date()
    answer = text("Start date", str(draft.table.get("start_date", today)), _day)
    draft.table["start_date"] = date.fromisoformat(answer)


def ask_language(draft: Draft) -> None:
    say("\nThe language of voucher comments, problem lines and mails. Commands stay English.")
    country = usual.country_code(draft.choices.country, draft.choices.currency)
    languages = {"sv": "svenska", "nb": "norsk bokmål", "en": "English"}
    default = draft.table.get("language", usual.LANGUAGES.get(country, "en"))
    draft.table["language"] = choose("Which language?", languages, default)


def ask_transfer(draft: Draft) -> None:
    say("")
    ways = {
        "lump": "one entry for each of Klarna's totals (usual)",
        "itemised": "one entry for each sale, return and reversal",
        "itemised-fees": "and one for each fee",
    }
    draft.table["transfer"] = choose(
        "How shall payouts be transferred?", ways, draft.table.get("transfer", "lump")
    )


def ask_accounts(draft: Draft) -> None:
    say("\nAccounts, from the company's own chart. What a payout needs and is not here holds it, with a message.")
    country = usual.country_code(draft.choices.country, draft.choices.currency)
    accounts = draft.table.setdefault("accounts", {})
    for key, (what, required) in ACCOUNTS.items():
        known = accounts.get(key)
        if isinstance(known, dict):
            say(f"{key}: by detailed type, left as it is")
            continue
        default = known if known in draft.choices.chart else usual.suggestion(country, key, draft.choices.chart)
        say(f"{key}: {what}")
        number = pick(f"  {key}", draft.choices.chart, default, optional=not required)
        if number is None:
            accounts.pop(key, None)
        else:
            accounts[key] = number


def ask_parties(draft: Draft) -> None:
    """Ledger accounts carry Klarna as customer or supplier."""
    voucher = draft.table.setdefault("voucher", {})
    ledger = VoucherSettings(ledger_accounts=voucher.get("ledger_accounts", []))
    numbers = [number for value in draft.table["accounts"].values() for number in _numbers(value)]
    needed = {key for number in numbers if (key := ledger.ledger(number))}
    for key in ("customer_id", "supplier_id"):
        if key not in needed:
            voucher.pop(key, None)
            continue
        what = key.removesuffix("_id")
        say(f"\nA ledger account carries a {what}: Klarna, as it stands in 24SevenOffice's CRM.")
        voucher[key] = _find_party(draft, what, voucher.get(key))


def _find_party(draft: Draft, what: str, known: int | None) -> int:
    while True:
        answer = text(f"Klarna as {what} (number, or part of the name)", str(known or "Klarna"))
        try:
            found = draft.set_up(partial(SetupClient.parties, text=answer))
        except Klarna24Error as error:
            wrong(f"{error.message} → {error.hint}")
            continue
        if found:
            number = pick(f"Which {what}", found, next(iter(found)) if len(found) == 1 else known)
            if number is not None:
                return number
        wrong(f"no {what} with {answer!r}; create Klarna in 24SevenOffice first, then answer again")


def ask_voucher_type(draft: Draft) -> None:
    say("\nVoucher types: " + ", ".join(f"{name} ({no})" for no, name in draft.choices.voucher_types.items()))
    voucher = draft.table.setdefault("voucher", {})
    by_title = {name.casefold(): no for no, name in draft.choices.voucher_types.items()}
    wanted = voucher.get("type", "Diverse")
    default = wanted if isinstance(wanted, int) else by_title.get(str(wanted).casefold())
    number = pick("Voucher type", draft.choices.voucher_types, default)
    titles = list(draft.choices.voucher_types.values())
    title = draft.choices.voucher_types[number] if number is not None else ""
    voucher["type"] = title if titles.count(title) == 1 else number


def ask_department(draft: Draft) -> None:
    voucher = draft.table.setdefault("voucher", {})
    if not draft.choices.departments:
        voucher.pop("department_id", None)
        return
    say("\nA department tells several web shops of one company apart.")
    for number, name in draft.choices.departments.items():
        say(f"  {number:<8} {name}")
    chosen = pick("Department", draft.choices.departments, voucher.get("department_id"), optional=True)
    voucher.pop("department_id", None)
    if chosen is not None:
        voucher["department_id"] = chosen


def ask_references(draft: Draft) -> None:
    known = draft.table.pop("references", {})
    if draft.table["transfer"] == "lump":
        return
    say("\nReferences on itemised lines: a field that is taken is not offered again.")
    left = dict(TARGETS)
    chosen: dict[str, str] = {}
    for field, title in REFERENCES.items():
        if not left:
            break
        default = known.get(field) if known.get(field) in left else "none"
        target = choose(f"{title} goes to", {**left, "none": "nowhere"}, str(default))
        if target != "none":
            chosen[field] = target
            del left[target]
    if chosen:
        draft.table["references"] = chosen


def ask_frequency(draft: Draft) -> None:
    say("")
    table = draft.table
    often = {"daily": "(usual)", "weekly": "on a weekday", "monthly": "on a day of the month"}
    table["frequency"] = choose("How often shall Klarna be asked?", often, table.get("frequency", "daily"))
    weekday, day = table.pop("weekday", "monday"), table.pop("day", 1)
    if table["frequency"] == "weekly":
        table["weekday"] = choose("On", dict.fromkeys(WEEKDAYS, ""), weekday)
    if table["frequency"] == "monthly":
        table["day"] = int(text("Day of the month (the last where it is shorter)", str(day), _month_day))


def ask_email(draft: Draft) -> None:
    say("")
    if "notify" in draft.file:
        say("Mail: as [notify.email] in the file says, for all profiles.")
        return
    draft.top.pop("notify", None)
    draft.typed.pop("notify.email", None)
    say("E-mail when something needs you: once when it is new, again after a week, and once when it is over.")
    if not yes("Send e-mail about troubles?", default=False):
        return
    email: dict[str, Any] = {"host": text("Mail server")}
    ways = {"starttls": "port 587 (usual)", "tls": "port 465", "none": "port 25, without encryption"}
    email["security"] = choose("Encryption", ways, "starttls")
    ports = {"starttls": "587", "tls": "465", "none": "25"}
    email["port"] = int(text("Port", ports[email["security"]], _port))
    if username := text("Login (- for none)", "-").removeprefix("-"):
        email["username"] = username
        draft.typed["notify.email"] = secret("Password", keep=False) or ""
    email["from"] = text("From", None, _address)
    email["to"] = [text("To", None, _address)]
    draft.top["notify"] = {"email": email}
    say("To see that it arrives, once all is saved: klarna24 check --test-mail")


def ask_silence(draft: Draft) -> None:
    say("\nCredentials that see nothing any more look like a shop without sales.")
    known = str(draft.table.pop("expect_payout_within_days", "-"))
    days = text("Days without a payout after which you are told (- for never)", known, _days)
    if days != "-":
        draft.table["expect_payout_within_days"] = int(days)


def ask_state_dir(draft: Draft) -> None:
    if "state_dir" in draft.file:
        return
    say("\nThe state folder keeps what was done: on a local disk, in the backup, always the same one.")
    default = str((draft.state_dir or default_state_dir()).expanduser().absolute())
    draft.top["state_dir"] = text("State folder", default, _absolute)


def _numbers(value: Any) -> list[int]:
    return list(value.values()) if isinstance(value, dict) else [value]


def _zone(answer: str) -> str:
    try:
        return ZoneInfo(answer).key
    except (KeyError, ValueError, OSError):
        raise ValueError('a time zone looks like "Europe/Stockholm"') from None


def _day(answer: str) -> str:
    try:
        return date.fromisoformat(answer).isoformat()
    except ValueError:
        raise ValueError("a date looks like 2026-11-24") from None


def _month_day(answer: str) -> str:
    if not answer.isdecimal() or not 1 <= int(answer) <= 31:
        raise ValueError("a day from 1 to 31")
    return answer


def _days(answer: str) -> str:
    if answer != "-" and not (answer.isdecimal() and 1 <= int(answer) <= 366):
        raise ValueError("a number of days from 1 to 366, or -")
    return answer


def _port(answer: str) -> str:
    if not answer.isdecimal() or not 1 <= int(answer) <= 65535:
        raise ValueError("a port from 1 to 65535")
    return answer


def _address(answer: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", answer):
        raise ValueError("an address looks like accounts@shop1.se")
    return answer


def _absolute(answer: str) -> str:
    path = Path(answer).expanduser()
    if not path.is_absolute():
        raise ValueError("give the whole path, from /")
    return str(path)
