"""The first half of init: the name, and both ends, each tested at once with a call."""

import copy
import re
from datetime import datetime, timedelta
from typing import Any

from pydantic_core import PydanticCustomError

from klarna24.cli.setup import prompts as asking
from klarna24.cli.setup.draft import Draft
from klarna24.cli.setup.prompts import choose, pick, right, say, text, wrong
from klarna24.config.tables import PROFILE_NAME
from klarna24.config.values import base_url, is_loopback
from klarna24.errors import Klarna24Error
from klarna24.klarna.client import KlarnaClient

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LOOK_BACK_DAYS = 60


def ask_name(draft: Draft) -> None:
    taken = draft.profiles()
    suggested = next(name for n in range(1, 1000) if (name := f"shop{n}") not in taken)

    def check(answer: str) -> str:
        if not PROFILE_NAME.fullmatch(answer):
            raise ValueError("lower-case letters, digits, - and _, at most 40, a letter or digit first")
        return answer

    draft.name = text("Name of the web shop, for commands and messages", draft.name or suggested, check)
    known = taken.get(draft.name)
    draft.table = copy.deepcopy(known) if known else {}
    if known:
        say(f"  {draft.name} is there already: its values are the suggestions.")


def ask_klarna(draft: Draft) -> None:
    say("\nKlarna (merchant portal → Settings → API credentials)")
    table = draft.table.setdefault("klarna", {})
    _ask_region(draft, table)
    while True:
        table["username"] = text("API username", table.get("username"))
        draft.ask_secret("klarna", "API password")
        try:
            payouts = _klarna_payouts(draft)
        except Klarna24Error as error:
            wrong(f"{error.message} → {error.hint}")
            continue
        right(f"Klarna answers; {len(payouts)} payouts in the last {LOOK_BACK_DAYS} days")
        return


def _ask_region(draft: Draft, table: dict[str, Any]) -> None:
    regions = {
        "europe": "shops in Europe (usual)",
        "north-america": "",
        "oceania": "",
        "other": "another address, such as Kustom's or a sandbox's",
    }
    region = choose(
        "Where is the shop?", regions, "other" if "base_url" in table else table.get("region", "europe")
    )
    if region == "other":
        table["base_url"] = text("Address", table.get("base_url", "https://api.kustom.co"), _check_address)
    else:
        table.pop("base_url", None)
        table["region"] = region
    environments = {"live": "real payouts", "playground": "Klarna's test environment"}
    table["environment"] = choose("Which environment?", environments, table.get("environment", "live"))


def _check_address(answer: str) -> str:
    try:
        return str(base_url(answer))
    except PydanticCustomError as error:
        raise ValueError(error.message()) from None


def _klarna_payouts(draft: Draft) -> list[Any]:
    profile = draft.profile()
    client = KlarnaClient(profile.klarna, draft.secret("klarna"))
    try:
        today = datetime.now(profile.timezone).date()
        return client.payouts(today - timedelta(days=LOOK_BACK_DAYS), today, profile.timezone)
    finally:
        client.close()


def ask_office(draft: Draft) -> None:
    say("\n24SevenOffice (the integration user; the application id comes from 24SevenOffice)")
    table = draft.table.setdefault("24sevenoffice", {})
    klarna_url = draft.table["klarna"].get("base_url", "")
    if is_loopback(klarna_url.rpartition("//")[2].split(":")[0]):
        table["base_url"] = text("Address", table.get("base_url", klarna_url), _check_address)
    while True:
        table["username"] = text("Username", table.get("username"))
        draft.ask_secret("24sevenoffice", "Password")
        table["application_id"] = text("Application id", table.get("application_id"), _guid)
        try:
            draft.companies = draft.set_up(lambda office: office.companies())
        except Klarna24Error as error:
            wrong(f"{error.message} → {error.hint}")
            continue
        right(f"24SevenOffice answers; the user may act for {len(draft.companies)} companies")
        return


def ask_company(draft: Draft) -> None:
    table = draft.table["24sevenoffice"]
    there = {company.client_id: company.name for company in draft.companies}
    say("\nWhich company?")
    for number, name in there.items():
        say(f"  {number:<10} {name}")
    default: int | None = table.get("client_id")
    if default not in there:
        default = next(iter(there)) if len(there) == 1 else None
    chosen = pick("Company", there, default)
    company = next(company for company in draft.companies if company.client_id == chosen)
    table["client_id"], table["identity_id"] = company.client_id, company.identity_id
    try:
        draft.choices = draft.set_up(lambda office: office.choices())
    except Klarna24Error as error:
        wrong(f"{error.message} → {error.hint}")
        raise asking.Back from None
    books = f"{len(draft.choices.chart)} accounts, books in {draft.choices.currency}"
    right(f"logged in to {company.name}: {books}")


def _guid(answer: str) -> str:
    if not GUID.fullmatch(answer):
        raise ValueError("an id looks like 00000000-0000-0000-0000-000000000000")
    return answer
