"""The first questions: the profile's name, Klarna, 24SevenOffice and the company, each tested with a call."""

import re
from typing import cast
from urllib.parse import urlsplit

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from klarna24.cli.setup.draft import FIRST_ANSWER_SECONDS, LOOK_BACK_DAYS, Draft
from klarna24.cli.setup.prompts import Refused, folded
from klarna24.cli.setup.question import Again, Question
from klarna24.config import credentials
from klarna24.config.file import PROFILE_NAME
from klarna24.config.loading import load
from klarna24.config.values import Secret, base_url, is_loopback
from klarna24.errors import CredentialsFault, Klarna24Error
from klarna24.text.reader import Reader
from klarna24.text.sentences import Language, sentence
from klarna24.twentyfour.setup import SetupClient

GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
LANGUAGES = {"en": "English", "sv": "svenska", "nb": "norsk (bokmål)"}
ZONES = {"SE": "Europe/Stockholm", "NO": "Europe/Oslo"}
REGIONS = {
    "europe": sentence("Europe (usual)"),
    "north-america": sentence("North America"),
    "oceania": sentence("Oceania"),
    "other": sentence("another address, such as Kustom's or a sandbox's"),
}
ENVIRONMENTS = {"live": sentence("real payouts"), "playground": sentence("Klarna's test environment (playground)")}
KLARNA_LOGIN = ("klarna.base_url", "klarna.username", "klarna.password", "klarna.login")
OFFICE_LOGIN = ("24.base_url", "24.username", "24.password", "24.application_id", "24.login")
OF_ONE_SHOP = {*KLARNA_LOGIN[1:], "klarna.merchants", "24.company", "start_date", "voucher.department_id"}
OF_COMPANY = ("24.choices", "customer_id", "supplier_id", "voucher.type", "voucher.department_id")


def ask_language(draft: Draft) -> None:
    """The language of the conversation; a new profile has it for its vouchers and mails, too."""
    chosen = draft.prompts.choice("Language / språk", LANGUAGES, draft.prompts.reader.language)
    draft.prompts.reader = Reader(cast(Language, chosen))
    draft.prompts.heading(sentence("A profile for {path}.", path=str(draft.path)))
    draft.prompts.say(
        sentence(
            "Press Enter to accept the value in brackets, < to go back, Ctrl-C to quit without saving. "
            "Nothing is written before you say so at the end."
        )
    )


def check_name(name: str) -> str:
    """Raises Refused, with a name that would do where there is one."""
    if PROFILE_NAME.fullmatch(name):
        return name
    why = sentence("{name} cannot be used: lower-case a to z, digits, - and _, at most 40", name=name)
    near = re.sub(r"[^a-z0-9_-]+", "-", folded(name)).strip("-_")[:40]
    raise Refused(sentence("{why}; {near} would do", why=why, near=near) if near else why)


def ask_name(draft: Draft) -> None:
    """An existing profile is edited, any other is new."""
    if draft.profiles:
        draft.prompts.heading(
            sentence("Profiles so far:")
            if draft.like
            else sentence("Profiles so far; give one of these names to change it:")
        )
        for name, table in ((name, draft.existing(name)) for name in draft.profiles):
            company = table.get("24sevenoffice", {}).get("client_id", "")
            draft.prompts.say(f"{name}  {company}  {table.get('klarna', {}).get('username', '')}", indent=2)

    def check(answer: str) -> str:
        if draft.like and answer in draft.profiles:
            raise Refused(sentence("profile {name} exists already", name=answer))
        return check_name(answer)

    free = next(name for n in range(1, 1000) if (name := f"shop{n}") not in draft.profiles)
    draft.prompts.gap()
    question = sentence("Name of the web shop, for commands and messages")
    name = draft.prompts.text(question, draft.name or free, check)
    if name != draft.name:
        begin(draft, name)


def begin(draft: Draft, name: str) -> None:
    """Start with what the file has under this name, or under the one that it is to be like; else with what was
    answered for another new name."""
    was_existing, draft.name = draft.name in draft.profiles, name
    if name in draft.profiles:
        draft.table, draft.answered = draft.existing(name), set(draft.every)
        _refuse_broken(draft)
    elif draft.like and "klarna" not in draft.table:
        draft.table, draft.answered = draft.existing(draft.like), set(draft.every) - OF_ONE_SHOP
        _refuse_broken(draft)
        for table in ("klarna", "24sevenoffice"):
            if draft.table[table]["password"] == {"keyring": True}:  # it is kept under the other's name
                draft.typed[table] = credentials.fetch(Secret("keyring"), f"{draft.like}.{table}")
    elif was_existing or not draft.table:
        draft.table, draft.answered = draft.existing(name), {"language"}


def _refuse_broken(draft: Draft) -> None:
    """Raises ConfigFault where the profile's values are not valid: they would be suggested."""
    try:
        draft.profile(complete=True)
    except ValidationError:
        load(draft.path).profile(draft.like or draft.name)
        raise


def ask_region(draft: Draft) -> None:
    """Where Klarna is."""
    draft.prompts.heading(sentence("Klarna: API credentials, from the merchant portal → Settings"))
    known = "other" if draft.get("klarna", "base_url") else draft.get("klarna", "region", "europe")
    region = draft.prompts.choice(sentence("Where is the shop"), REGIONS, known)
    draft.reopen(["klarna.login"])
    if region == "other":
        known = draft.get("klarna", "base_url", "https://api.kustom.co")
        draft.put("klarna", "base_url", draft.prompts.text(sentence("Address"), known, _check_address))
    else:
        draft.put("klarna", "base_url", None)
        draft.put("klarna", "region", region)


def ask_environment(draft: Draft) -> None:
    """Real payouts, or Klarna's test environment."""
    known = draft.get("klarna", "environment", "live")
    question = sentence("Which environment")
    draft.put("klarna", "environment", draft.prompts.choice(question, ENVIRONMENTS, known))
    draft.reopen(["klarna.login"])


def ask_klarna_user(draft: Draft) -> None:
    """The API's user name."""
    known = draft.get("klarna", "username")
    draft.prompts.gap()
    draft.put("klarna", "username", draft.prompts.text(sentence("API username"), known))
    draft.reopen(["klarna.login"])
    if draft.get("klarna", "username") != known:
        draft.reopen(["klarna.merchants"])


def ask_klarna_password(draft: Draft) -> None:
    """The API's password."""
    draft.ask_password("klarna", sentence("API password"))
    draft.reopen(["klarna.login"])


def try_klarna(draft: Draft) -> None:
    """Raises Again where Klarna does not accept the credentials, or does not answer."""
    try:
        draft.payouts = draft.ask_klarna()
    except Klarna24Error as error:
        _say_refusal(draft, "klarna", error)
        raise Again(*KLARNA_LOGIN[0 if not isinstance(error, CredentialsFault) else 1 :]) from None
    draft.prompts.ok(
        sentence(
            "Klarna answers; payouts in the last {days} days: {count}",
            days=LOOK_BACK_DAYS,
            count=len(draft.payouts),
        )
    )


def ask_office_address(draft: Draft) -> None:
    """Only where Klarna's is this machine: the sandbox."""
    known = draft.get("24sevenoffice", "base_url", draft.get("klarna", "base_url"))
    question = sentence("Address of 24SevenOffice")
    draft.put("24sevenoffice", "base_url", draft.prompts.text(question, known, _check_address))
    draft.reopen(["24.login"])


def ask_office_user(draft: Draft) -> None:
    """The integration user."""
    draft.prompts.heading(
        sentence("24SevenOffice: the integration user; the application id comes from 24SevenOffice")
    )
    known = draft.get("24sevenoffice", "username")
    draft.put("24sevenoffice", "username", draft.prompts.text(sentence("Username"), known))
    draft.reopen(["24.login"])


def ask_office_password(draft: Draft) -> None:
    """The integration user's password."""
    draft.ask_password("24sevenoffice", sentence("Password"))
    draft.reopen(["24.login"])


def ask_application(draft: Draft) -> None:
    """What 24SevenOffice knows the program by."""
    known = draft.get("24sevenoffice", "application_id")
    question = sentence("Application id")
    draft.put("24sevenoffice", "application_id", draft.prompts.text(question, known, _check_guid))
    draft.reopen(["24.login"])


def try_office(draft: Draft) -> None:
    """Raises Again where 24SevenOffice does not accept the credentials, or does not answer."""
    try:
        draft.companies = draft.ask_office(SetupClient.companies, FIRST_ANSWER_SECONDS)
    except Klarna24Error as error:
        _say_refusal(draft, "24sevenoffice", error)
        raise Again(*OFFICE_LOGIN[0 if not isinstance(error, CredentialsFault) else 1 :]) from None
    draft.prompts.ok(
        sentence("24SevenOffice answers; companies of this user: {count}", count=len(draft.companies))
    )
    if draft.get("24sevenoffice", "client_id") not in {company.client_id for company in draft.companies}:
        draft.reopen(["24.company"])
    draft.reopen(["24.choices"])


def ask_company(draft: Draft) -> None:
    """One of the companies that the user may act for."""
    names = {company.client_id: company.name for company in draft.companies}
    known: int | None = draft.get("24sevenoffice", "client_id")
    default = known if known in names else next(iter(names)) if len(names) == 1 else None
    draft.prompts.heading(sentence("The company whose books these are: its number, or a part of its name"))
    chosen = draft.prompts.number(sentence("Company"), names, default)
    company = next(company for company in draft.companies if company.client_id == chosen)
    draft.put("24sevenoffice", "client_id", company.client_id)
    draft.put("24sevenoffice", "identity_id", company.identity_id)
    if chosen != known:
        draft.reopen(OF_COMPANY)
        draft.reopen([key for key in draft.answered if key.startswith("accounts.")])
    draft.reopen(["24.choices"])


def read_choices(draft: Draft) -> None:
    """The company's chart and the like. Raises Again where they cannot be read."""
    try:
        draft.choices = draft.ask_office(SetupClient.choices)
    except Klarna24Error as error:
        _say_refusal(draft, "", error)
        raise Again("24.company", "24.choices") from None
    draft.prompts.ok(
        sentence(
            "logged in to {company}: {count} accounts, books in {currency}",
            company=_company(draft),
            count=len(draft.choices.chart),
            currency=draft.choices.currency,
        )
    )
    if draft.name not in draft.profiles:
        draft.table.setdefault("timezone", ZONES.get(draft.country, "Europe/Stockholm"))
        draft.table.setdefault("language", draft.prompts.reader.language)


def _say_refusal(draft: Draft, table: str, error: Klarna24Error) -> None:
    """The fault, with a hint that fits a conversation; a refused password is forgotten."""
    hint = error.hint
    if isinstance(error, CredentialsFault):
        draft.forget_password(table)
        hint = sentence("type them again; < goes back to the address")
    elif "klarna24 check" in hint or "next run" in hint:
        hint = sentence("try again, or < to change an answer")
    draft.prompts.error(error.message, hint)


def _check_address(answer: str) -> str:
    try:
        return str(base_url(answer))
    except PydanticCustomError as error:
        raise Refused(error.message()) from None


def _check_guid(answer: str) -> str:
    if not GUID.fullmatch(answer):
        raise Refused(sentence("an id looks like {example}", example="00000000-0000-0000-0000-000000000000"))
    return answer


def _is_sandbox(draft: Draft) -> bool:
    return is_loopback(urlsplit(draft.get("klarna", "base_url", "")).hostname or "")


def _address(draft: Draft) -> str:
    region = draft.get("klarna", "region", "europe")
    return str(draft.get("klarna", "base_url") or draft.prompts.reader.say(REGIONS[region]))


def _company(draft: Draft) -> str:
    number = draft.get("24sevenoffice", "client_id")
    name = next((company.name for company in draft.companies if company.client_id == number), "")
    return f"{name} ({number})"


LANGUAGE = Question("language", ask_language)
NAME = Question("name", ask_name)
QUESTIONS = (
    Question("klarna.base_url", ask_region, sentence("Klarna's address"), _address),
    Question(
        "klarna.environment",
        ask_environment,
        sentence("Klarna's environment"),
        lambda draft: draft.prompts.reader.say(ENVIRONMENTS[draft.get("klarna", "environment", "live")]),
        applies=lambda draft: not draft.get("klarna", "base_url"),
    ),
    Question(
        "klarna.username",
        ask_klarna_user,
        sentence("Klarna's username"),
        lambda draft: draft.get("klarna", "username"),
    ),
    Question("klarna.password", ask_klarna_password, sentence("Klarna's password"), lambda draft: "•••"),
    Question("klarna.login", try_klarna, is_silent=True),
    Question(
        "24.base_url",
        ask_office_address,
        sentence("24SevenOffice's address"),
        lambda draft: draft.get("24sevenoffice", "base_url", ""),
        applies=_is_sandbox,
    ),
    Question(
        "24.username",
        ask_office_user,
        sentence("24SevenOffice's username"),
        lambda draft: draft.get("24sevenoffice", "username"),
    ),
    Question("24.password", ask_office_password, sentence("24SevenOffice's password"), lambda draft: "•••"),
    Question(
        "24.application_id",
        ask_application,
        sentence("Application id"),
        lambda draft: draft.get("24sevenoffice", "application_id"),
    ),
    Question("24.login", try_office, is_silent=True),
    Question("24.company", ask_company, sentence("Company"), _company),
    Question("24.choices", read_choices, is_silent=True),
)
