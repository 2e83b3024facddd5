"""Everything that a run needs, tried without posting: what is well, what is not, and one next step for each.

    profiles.toml             valid, or none of this is reached
    the state folder          locked and written on trial, as by a run
    the secrets               fetched from where they are
    | Klarna                  one listing
    | 24SevenOffice           logged in, to the pinned company
    | | accounts, types, …    against its books
    the clock                 by what both servers said of the time
    the mail server           logged in; a mail is sent only if that is asked for

What depends on a failed check is not tried. What fails has the code that a run would end with.
"""

import shutil
import stat
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from klarna24.bookkeeping.figures import fiscal_year
from klarna24.check.result import Check
from klarna24.config import credentials
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.config.values import Secret
from klarna24.errors import Blocked, CredentialsFault, Klarna24Error, ProblemCode, Unavailable
from klarna24.http import ServerTime
from klarna24.klarna.client import KlarnaClient
from klarna24.notify import smtp
from klarna24.notify.letter import trial_letter
from klarna24.state.lock import only_run
from klarna24.state.records import Owner
from klarna24.state.store import State
from klarna24.text import sentence
from klarna24.twentyfour.books import BooksReader
from klarna24.twentyfour.client import TwentyFourClient
from klarna24.twentyfour.sessions import Sessions

LOOK_BACK = timedelta(days=30)
MOST_OFF = timedelta(minutes=5)
LEAST_FREE = 50 * 10**6  # bytes
HERE = "klarna24 check"  # as a next step it leads nowhere from here
NORWAY = {"norway", "norge", "noreg"}  # how 24SevenOffice writes a country is not documented

Servers = dict[str, ServerTime | None]
Question = Callable[[TwentyFourClient], Iterable[Check]]


def check_profile(profile: Profile, config: Config, mail_tried: set[str] | None = None) -> Iterator[Check]:
    """Each check as soon as it is made. With ``mail_tried``, empty at first, each mail server is sent one mail."""
    servers: Servers = {}
    yield _file(config)
    state_is_well = yield from _state(profile, config)
    passwords = yield from _secrets(profile)
    currencies = yield from _klarna(profile, passwords["klarna"], servers)
    sessions = Sessions.beside(config.state_dir, keep=state_is_well)
    yield from _office(profile, passwords["24sevenoffice"], sessions, currencies, servers)
    yield _clock(servers)
    yield from _mail(profile, config, mail_tried)
    yield from _heartbeat(profile, config)


# What is on this machine


def _file(config: Config) -> Check:
    mode = stat.S_IMODE(config.path.stat().st_mode)
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        text = f"{config.path} is valid; others can read it (mode {mode:o})"
        return Check("profiles.toml", "advice", text, f"chmod 600 {config.path}")
    return Check("profiles.toml", "ok", f"{config.path} is valid, and yours alone")


def _state(profile: Profile, config: Config) -> Generator[Check, None, bool]:
    """The folder is made where there is none, as by a run; another run under way is told as a run would."""
    folder = config.state_dir
    try:
        with only_run(folder, profile.name), closing(State.open(folder)) as state:
            state.try_to_write()
            state.check_owner(Owner.of(profile))
    except Klarna24Error as error:
        yield _failed("state", error)
        return False
    free = shutil.disk_usage(folder).free
    megabytes = f"{free / 10**6:,.0f} MB free"
    if free < LEAST_FREE:
        yield Check("state", "advice", f"{folder}: only {megabytes}", f"make room: df -h {folder}")
    else:
        yield Check("state", "ok", f"{folder}: locked and written on trial, {megabytes}")
    return True


def _secrets(profile: Profile) -> Generator[Check, None, dict[str, str | None]]:
    """The two that every run needs; None is one that cannot be had."""
    sources = {"klarna": profile.klarna.password, "24sevenoffice": profile.twentyfour.password}
    passwords: dict[str, str | None] = {}
    for place, secret in sources.items():
        passwords[place] = yield from _secret(f"{place}.password", secret, f"{profile.name}.{place}")
    return passwords


def _secret(name: str, secret: Secret, path: str) -> Generator[Check, None, str | None]:
    try:
        value = credentials.fetch(secret, path)
    except CredentialsFault as error:
        yield _failed(name, error)
        return None
    yield _source(name, secret)
    return value


def _source(name: str, secret: Secret) -> Check:
    """Where it came from, and whether that is there while nobody is logged in."""
    value = secret.value if isinstance(secret.value, str) else secret.value[0]
    match secret.source:
        case "env":
            text = f"from the variable {value}; cron has it only where the crontab sets it"
            return Check(name, "advice", text, "klarna24 check --as-cron")
        case "keyring":
            text = "from the keyring, which seldom answers while nobody is logged in"
            return Check(name, "advice", text, 'for cron: password = { file = "…" }, chmod 600')
        case "systemd":
            return Check(name, "ok", f"from the systemd credential {value}, which only its unit has")
    return Check(name, "ok", f"from the {secret.source} {value}, logged in or not")


def _clock(servers: Servers) -> Check:
    """By the server that agrees best with us: the other one's clock is that server's trouble."""
    aheads = {name: ahead for name, time in servers.items() if time and (ahead := time.ahead()) is not None}
    if not aheads:
        return Check("clock", "not-tried", "no server said what time it is")
    name = min(aheads, key=lambda server: abs(aheads[server]))
    seconds = round(aheads[name].total_seconds())
    if abs(seconds) <= MOST_OFF.total_seconds():
        return Check("clock", "ok", f"within {max(abs(seconds), 1)} s of {name}'s")
    off = f"{timedelta(seconds=abs(seconds))} {'behind' if seconds > 0 else 'ahead of'} {name}'s"
    return Check(
        "clock", "failed", f"this machine's clock is {off}", "set it: timedatectl set-ntp true", ProblemCode.CONFIG
    )


def _mail(profile: Profile, config: Config, tried: set[str] | None) -> Iterator[Check]:
    """With ``tried``, the mail servers that were sent a mail already, a test mail goes to each of the others."""
    mailed = config.email_of(profile)
    if mailed is None:
        if tried is not None:
            yield Check(
                "notify.email", "advice", "no mail server", "add [notify.email], as in profiles.example.toml"
            )
        return
    email, path = mailed
    password = None
    if email.password:
        password = yield from _secret("notify.email.password", email.password, path)
        if password is None:
            yield _not_tried("notify.email", "notify.email.password")
            return
    its = ((it.name, config.email_of(it)) for it in config.profiles.values())
    served = [name for name, other in its if other and other[0] == email]
    to_send = tried is not None and email.model_dump_json() not in tried
    try:
        if to_send:
            smtp.send(email, password, trial_letter(email, served, profile.language, datetime.now(UTC)))
        else:
            smtp.log_in(email, password)
    except Klarna24Error as error:
        yield _failed("notify.email", error)
        return
    if tried is not None:
        tried.add(email.model_dump_json())
    how = f"{email.security}, {'logged in' if password else 'no login'}"
    what = f"a test mail went to {', '.join(email.to)}" if to_send else "no mail was sent"
    yield Check("notify.email", "ok", f"{email.host}:{email.port} ({how}); {what}")


def _heartbeat(profile: Profile, config: Config) -> Iterator[Check]:
    """Not pinged: the monitor would take it for a run."""
    for heartbeat in filter(None, (profile.notify.heartbeat, config.notify.heartbeat)):
        host = urlsplit(heartbeat.url).netloc
        yield Check("notify.heartbeat", "ok", f"{host} is told of each sync; it was not told of this check")


# Klarna


def _klarna(profile: Profile, password: str | None, servers: Servers) -> Generator[Check, None, set[str]]:
    """Gives the currencies in which payouts come, as far as that can be seen."""
    settings, currencies = profile.klarna, set(profile.klarna.currencies or ())
    if password is None:
        yield _not_tried("klarna", "klarna.password")
        return currencies
    today = datetime.now(profile.timezone).date()
    client = KlarnaClient(settings, password)
    try:
        payouts = client.payouts(today - LOOK_BACK, today, profile.timezone)
    except Klarna24Error as error:
        yield _failed("klarna", error)
        return currencies
    finally:
        servers["Klarna"] = client.server_time
        client.close()
    where = f"{urlsplit(settings.url).netloc} ({settings.region}, {settings.environment})"
    count = f"{len(payouts)} payout{'' if len(payouts) == 1 else 's'}"
    yield Check("klarna", "ok", f"{where}: {count} in the last {LOOK_BACK.days} days")
    return currencies | {payout.currency for payout in payouts}


# 24SevenOffice


def _office(
    profile: Profile, password: str | None, sessions: Sessions, currencies: set[str], servers: Servers
) -> Iterator[Check]:
    """One question after the other. Where there is no session, or no answer, the rest are not asked."""
    logins: list[str] = []

    def password_for_login() -> str:
        logins.append(str(password))
        return logins[-1]

    blocker = "24sevenoffice.password" if password is None else ""
    with closing(TwentyFourClient(profile, password_for_login, sessions)) as office:
        for name, question in _questions(profile, currencies, logins):
            if blocker:
                yield _not_tried(name, blocker)
                continue
            try:
                yield from question(office)
            except Klarna24Error as error:
                yield _failed(name, error)
                if name == "24sevenoffice" or isinstance(error, Unavailable | CredentialsFault):
                    blocker = name
        servers["24SevenOffice"] = office.server_time


def _questions(profile: Profile, currencies: set[str], logins: list[str]) -> Iterator[tuple[str, Question]]:
    voucher = profile.voucher
    yield "24sevenoffice", partial(_company, profile, logins)
    yield "accounts", partial(_accounts, profile)
    yield "voucher.type", _voucher_type
    if voucher.department_id is not None:
        yield "voucher.department_id", partial(_department, voucher.department_id)
    if voucher.project_id is not None:
        yield "voucher.project_id", partial(_project, voucher.project_id)
    if voucher.customer_id is not None or voucher.supplier_id is not None:
        yield "customer, supplier", partial(_parties, profile)
    yield "fiscal year", partial(_fiscal_year, profile)
    yield "currency", partial(_currency, profile, currencies)


def _company(profile: Profile, logins: list[str], office: TwentyFourClient) -> Iterator[Check]:
    """Under a session that was kept, the password has not been tried yet."""
    settings = profile.twentyfour
    company = f"{office.ask(BooksReader.company_name)} ({settings.client_id})"
    yield Check("24sevenoffice", "ok", f"{'logged in to' if logins else 'a session of the last run in'} {company}")
    if not logins and not office.accepts_credentials():
        text = f"the kept session still works, but {settings.username} is no longer known with this password"
        yield Check("24sevenoffice", "advice", text, "correct the password, before the session ends")


def _accounts(profile: Profile, office: TwentyFourClient) -> Iterator[Check]:
    chart = office.ask(BooksReader.chart)
    if not chart:
        message = sentence("24SevenOffice does not say what the company's chart of accounts is")
        raise Unavailable(message, sentence("try again later"))
    for key, number in profile.accounts.named():
        if number in chart:
            yield Check(f"account {key}", "ok", f"{number} {chart[number]}")
        else:
            hint = sentence("add it there, or change {table}", table=f"[profiles.{profile.name}.accounts] {key}")
            message = sentence("{number} is not in 24SevenOffice's chart of accounts", number=number)
            held = Blocked("account-unknown", message, hint)
            yield _failed(f"account {key}", held)


def _voucher_type(office: TwentyFourClient) -> Iterator[Check]:
    found = office.ask(BooksReader.voucher_type)
    yield Check("voucher.type", "ok", f"{found.title} ({found.number})")


def _department(number: int, office: TwentyFourClient) -> Iterator[Check]:
    yield Check("voucher.department_id", "ok", f"{number} {office.ask(BooksReader.department)}")


def _project(number: int, office: TwentyFourClient) -> Iterator[Check]:
    del office  # facts: no service of those that are used lists projects
    text = f"{number}: whether 24SevenOffice has it cannot be asked"
    yield Check("voucher.project_id", "advice", text, "look there")


def _parties(profile: Profile, office: TwentyFourClient) -> Iterator[Check]:
    """It is Klarna; of a number that was mistyped, the name is that of a customer, and concerns nobody here."""
    for key, name in office.ask(BooksReader.parties).items():
        number = getattr(profile.voucher, key)
        if "klarna" in name.casefold():
            yield Check(f"voucher.{key}", "ok", f"{number} {name}")
        else:
            text = f"{number} is in 24SevenOffice's CRM, under a name without Klarna in it"
            yield Check(f"voucher.{key}", "advice", text, "look there whether the number is right")


def _fiscal_year(profile: Profile, office: TwentyFourClient) -> Iterator[Check]:
    """The one that is open today: where a payout of today would be booked."""
    today = datetime.now(profile.timezone).date()
    number = fiscal_year(today, profile, office.ask(BooksReader.fiscal_years))
    yield Check("fiscal year", "ok", f"{number} is open on {today}")


def _currency(profile: Profile, currencies: set[str], office: TwentyFourClient) -> Iterator[Check]:
    client = office.ask(BooksReader.client)
    if not client.home_currency:
        message = sentence("24SevenOffice does not say what the company's currency is")
        raise Unavailable(message, sentence("try again later"))
    yield Check("currency", "ok", f"the company keeps its books in {client.home_currency}")
    if foreign := currencies - {client.home_currency}:
        yield from _foreign(profile, foreign, office)
    is_norwegian = client.country.casefold() in NORWAY or client.home_currency == "NOK"
    if is_norwegian and profile.accounts.fees_vat is None:
        yield Check(
            "reverse charge",
            "advice",
            "no account for VAT on fees: on fees from abroad a Norwegian company accounts for VAT itself (snudd "
            "avregning, omvendt avgiftsplikt), and klarna24 does not",
            "set the VAT code on the fees when you check a voucher; ask your accountant",
        )


def _foreign(profile: Profile, foreign: set[str], office: TwentyFourClient) -> Iterator[Check]:
    """What a run would hold."""
    if profile.voucher.foreign_currency == "rate":
        foreign = foreign - set(office.ask(BooksReader.currencies))
        hint = "add it to 24SevenOffice's currencies"
    else:
        hint = f'[profiles.{profile.name}.voucher] foreign_currency = "rate", or book them by hand'
    if foreign:
        yield Check("currency", "advice", f"payouts in {', '.join(sorted(foreign))} will be blocked", hint)


# The words


def _failed(name: str, error: Klarna24Error) -> Check:
    hint = error.hint.removesuffix(f": {HERE}")
    return Check(
        name,
        "failed",
        error.message,
        "try again later; if it stays, tell us" if hint == HERE else hint,
        error.code,
    )


def _not_tried(name: str, blocker: str) -> Check:
    return Check(name, "not-tried", f"not tried: it needs {blocker}")
