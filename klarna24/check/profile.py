"""All checks of one profile, in their order. Nothing is sent to either service, and no payout is stored.

What depends on a failed check is not tried. A failed check has the code that a run with this failure would have.
"""

from collections.abc import Iterator

from klarna24.check.accounts import check_references
from klarna24.check.archive import check_archive
from klarna24.check.books import check_klarna, check_office
from klarna24.check.claims import check_claims
from klarna24.check.evidence import check_evidence
from klarna24.check.machine import check_clock, check_file, check_mail, check_monitor, check_passwords
from klarna24.check.months import History
from klarna24.check.past_checks import Past
from klarna24.check.result import Check, not_tried
from klarna24.check.state import check_state
from klarna24.config.loading import BrokenProfile, Config
from klarna24.config.tables import Profile
from klarna24.ecb.client import EcbClient
from klarna24.http.server_time import ServerTime
from klarna24.twentyfour.sessions import Sessions

HISTORY = 12  # months


def check_broken(profile: BrokenProfile) -> Iterator[Check]:
    """The faults of a profile of which nothing can be tried."""
    for problem in profile.fault.problems():
        yield Check("profiles.toml", "failed", problem.message, problem.hint, problem.code)


def check_profile(
    profile: Profile,
    config: Config,
    mailed: set[str] | None = None,
    months: int = HISTORY,
    histories: dict[str, History] | None = None,
) -> Iterator[Check]:
    """Yields each check as soon as it is done. With a set, test mails are sent: see :func:`check_mail`. Klarna's
    payouts of so many ``months`` tell which accounts are needed; 0 leaves that out. With a dict, they are also
    looked up in the ledger, and their history is kept in it by the profile's name."""
    server_times: dict[str, ServerTime | None] = {}
    yield check_file(config)
    state_works = yield from check_state(profile, config)
    passwords = yield from check_passwords(profile)
    listed = yield from check_klarna(profile, passwords["klarna"], server_times, months)
    if listed and state_works:
        yield from check_claims(profile, config, listed)
    currencies = {*(profile.klarna.currencies or ()), *(payout.currency for payout in listed or ())}
    ecb = EcbClient(config.rates_url)
    sessions = Sessions.beside(config.state_dir, keep=state_works)
    books = yield from check_office(profile, passwords["24sevenoffice"], sessions, currencies, ecb, server_times)
    if months and listed is not None:
        past = Past(profile, config, passwords, listed, months)
        if histories is None:
            yield from past.check_kinds()
        elif books is None or not state_works:
            yield not_tried("history", "24sevenoffice" if state_works else "state")
        else:
            yield from past.check_history(books, sessions, ecb, histories)
    yield from check_references(profile)
    yield check_clock(server_times)
    yield from check_mail(profile, config, mailed)
    yield from check_evidence(profile)
    yield from check_archive(profile, config)
    yield from check_monitor(profile, config)
