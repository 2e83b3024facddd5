"""The first half of init: the profile's name, Klarna, 24SevenOffice and the company, each tested with a call."""

import copy
import re
from datetime import datetime, timedelta

from click import echo
from pydantic_core import PydanticCustomError

from klarna24.bookkeeping.payout import Listed
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import Back, ask_choice, ask_number, ask_text, print_error, print_ok
from klarna24.config.file import PROFILE_NAME
from klarna24.config.values import base_url, is_loopback
from klarna24.errors import Klarna24Error
from klarna24.klarna.client import KlarnaClient
from klarna24.twentyfour.setup import SetupClient

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LOOK_BACK_DAYS = 60
REGIONS = {
    "europe": "shops in Europe (usual)",
    "north-america": "",
    "oceania": "",
    "other": "another address, such as Kustom's or a sandbox's",
}
ENVIRONMENTS = {"live": "real payouts", "playground": "Klarna's test environment"}


def ask_name(draft: Draft) -> None:
    """An existing profile is edited, any other is new."""
    existing = draft.file.get("profiles", {})
    suggested = next(name for n in range(1, 1000) if (name := f"shop{n}") not in existing)
    draft.name = ask_text("Name of the web shop, for commands and messages", draft.name or suggested, _check_name)
    draft.table = copy.deepcopy(existing.get(draft.name, {}))
    draft.refuse_broken()
    if draft.table:
        echo(f"  The profile {draft.name} exists: its values are suggested.")


def ask_klarna(draft: Draft) -> None:
    """Credentials that Klarna accepts."""
    echo("\nKlarna (merchant portal → Settings → API credentials)")
    table = draft.table.setdefault("klarna", {})
    region = ask_choice(
        "Where is the shop?", REGIONS, "other" if "base_url" in table else table.get("region", "europe")
    )
    if region == "other":
        table["base_url"] = ask_text("Address", table.get("base_url", "https://api.kustom.co"), _check_address)
    else:
        table.pop("base_url", None)
        table["region"] = region
    table["environment"] = ask_choice("Which environment?", ENVIRONMENTS, table.get("environment", "live"))
    while True:
        table["username"] = ask_text("API username", table.get("username"))
        draft.ask_password("klarna", "API password")
        try:
            payouts = _recent_payouts(draft)
        except Klarna24Error as error:
            print_error(error)
            continue
        print_ok(f"Klarna answers; {len(payouts)} payouts in the last {LOOK_BACK_DAYS} days")
        return


def _recent_payouts(draft: Draft) -> list[Listed]:
    profile = draft.profile()
    client = KlarnaClient(profile.klarna, draft.password("klarna"))
    try:
        today = datetime.now(profile.timezone).date()
        return client.payouts(today - timedelta(days=LOOK_BACK_DAYS), today, profile.timezone)
    finally:
        client.close()


def ask_office(draft: Draft) -> None:
    """Credentials that 24SevenOffice accepts."""
    echo("\n24SevenOffice (the integration user; the application id comes from 24SevenOffice)")
    table = draft.table.setdefault("24sevenoffice", {})
    klarna_url = draft.table["klarna"].get("base_url", "")
    if is_loopback(klarna_url.rpartition("//")[2].split(":")[0]):
        table["base_url"] = ask_text("Address", table.get("base_url", klarna_url), _check_address)
    while True:
        table["username"] = ask_text("Username", table.get("username"))
        draft.ask_password("24sevenoffice", "Password")
        table["application_id"] = ask_text("Application id", table.get("application_id"), _check_guid)
        try:
            draft.companies = draft.query_office(SetupClient.companies)
        except Klarna24Error as error:
            print_error(error)
            continue
        print_ok(f"24SevenOffice answers; the user may act for {len(draft.companies)} companies")
        return


def ask_company(draft: Draft) -> None:
    """One of the companies that the user may act for; its chart and the like are read."""
    table = draft.table["24sevenoffice"]
    names = {company.client_id: company.name for company in draft.companies}
    echo("\nWhich company?")
    for number, name in names.items():
        echo(f"  {number:<10} {name}")
    default: int | None = table.get("client_id")
    if default not in names:
        default = next(iter(names)) if len(names) == 1 else None
    chosen = ask_number("Company", names, default)
    company = next(company for company in draft.companies if company.client_id == chosen)
    table["client_id"], table["identity_id"] = company.client_id, company.identity_id
    try:
        draft.choices = draft.query_office(SetupClient.choices)
    except Klarna24Error as error:
        print_error(error)
        raise Back from None
    books = f"{len(draft.choices.chart)} accounts, books in {draft.choices.currency}"
    print_ok(f"logged in to {company.name}: {books}")


def _check_name(answer: str) -> str:
    if not PROFILE_NAME.fullmatch(answer):
        raise ValueError("use lower-case letters, digits, - and _, at most 40, beginning with a letter or digit")
    return answer


def _check_address(answer: str) -> str:
    try:
        return str(base_url(answer))
    except PydanticCustomError as error:
        raise ValueError(error.message()) from None


def _check_guid(answer: str) -> str:
    if not GUID.fullmatch(answer):
        raise ValueError("an id looks like 00000000-0000-0000-0000-000000000000")
    return answer
