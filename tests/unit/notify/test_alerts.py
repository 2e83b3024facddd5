"""The rules of what is mailed, and when."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from klarna24.errors import Locked, Unavailable
from klarna24.notify.alerts import Alert, KnownAlert, digest_of, updated
from klarna24.notify.letter import counts

BLOCKED = Alert("shop1", "payout X", "residual", "0.01 SEK is unexplained", "ask Klarna", "2026-11-19, 960.00 SEK")
OTHER = replace(BLOCKED, subject="payout Y")
SETTING = replace(BLOCKED, subject="no such voucher type", code="config", facts=None)
OUTAGE = replace(BLOCKED, subject="", code=Unavailable.code, facts=None)


class Runs:
    """Runs of one profile, a day apart unless said otherwise, whose mails all leave."""

    def __init__(self) -> None:
        self.known: list[KnownAlert] = []
        self.now = datetime(2026, 11, 19, 3, tzinfo=UTC)

    def run(self, *met: Alert, hours: float = 24, is_complete: bool = True, is_sent: bool = True) -> str:
        """What is mailed of a run that meets these, as counts."""
        self.now += timedelta(hours=hours)
        self.known = updated(self.known, met, is_complete, self.now)
        digest = digest_of(self.known, self.now)
        if is_sent:
            mailed = [*digest.new, *digest.still]
            left = [it for it in self.known if it not in digest.over]
            self.known = [replace(it, mailed_at=self.now) if it in mailed else it for it in left]
        return counts(digest)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.mark.parametrize("alert", [BLOCKED, SETTING], ids=["payout", "setting"])
def test_a_new_alert_is_mailed_once_and_at_once_however_its_figures_change(runs: Runs, alert: Alert) -> None:
    assert runs.run(alert) == "new: 1"
    assert runs.run(replace(alert, message="0.02 SEK is unexplained"), hours=1) == ""
    assert runs.run(replace(alert, facts=alert.facts and "2026-11-19, 961.00 SEK")) == ""


def test_a_reminder_has_the_figures_of_the_last_run(runs: Runs) -> None:
    runs.run(BLOCKED)
    assert runs.run(replace(BLOCKED, message="0.02 SEK is unexplained"), hours=200) == "still: 1"
    assert [it.alert.message for it in runs.known] == ["0.02 SEK is unexplained"]


def test_alerts_of_the_same_run_are_mailed_together_and_a_later_one_alone(runs: Runs) -> None:
    assert runs.run(BLOCKED, SETTING) == "new: 2"
    assert runs.run(BLOCKED, SETTING, OTHER) == "new: 1"


def test_an_alert_that_could_not_be_mailed_is_mailed_by_the_next_run(runs: Runs) -> None:
    assert runs.run(BLOCKED, is_sent=False) == "new: 1"
    assert runs.run(BLOCKED) == "new: 1"
    assert runs.run(is_sent=False) == "over: 1"
    (over,) = runs.known
    assert runs.run(hours=200, is_sent=False) == "over: 1", "and it is not still there"
    assert runs.known == [over]
    assert runs.run() == "over: 1"
    assert runs.run() == ""


@pytest.mark.parametrize("code", [Unavailable.code, Locked.code])
def test_what_is_unavailable_is_mailed_only_when_it_has_been_so_for_a_day(runs: Runs, code: str) -> None:
    outage = replace(OUTAGE, code=code)
    assert runs.run(outage) == ""
    assert runs.run(outage, hours=20) == ""
    assert runs.run(outage, hours=4) == "new: 1"
    assert runs.run(outage) == ""
    assert runs.run() == "over: 1"


def test_cron_may_be_a_minute_early(runs: Runs) -> None:
    assert runs.run(OUTAGE) == ""
    assert runs.run(OUTAGE, hours=23.98) == "new: 1"
    assert runs.run(OUTAGE, hours=7 * 24 - 0.02) == "still: 1"


def test_an_outage_of_an_hour_is_never_mailed(runs: Runs) -> None:
    assert runs.run(OUTAGE) == ""
    assert runs.run(hours=1) == ""
    assert runs.known == []
    assert runs.run(OUTAGE) == "", "a day later, another outage"


def test_a_reminder_is_mailed_a_week_after_each_mail_and_not_before(runs: Runs) -> None:
    runs.run(BLOCKED)
    for _ in range(2):
        assert [runs.run(BLOCKED) for _ in range(7)] == [""] * 6 + ["still: 1"]


def test_what_is_over_is_mailed_once(runs: Runs) -> None:
    runs.run(BLOCKED, OTHER)
    assert runs.run(OTHER) == "over: 1"
    assert runs.run(OTHER) == ""
    assert runs.run(BLOCKED, OTHER) == "new: 1", "it came back"


def test_what_came_back_before_its_end_was_mailed_was_never_over(runs: Runs) -> None:
    runs.run(BLOCKED)
    assert runs.run(is_sent=False) == "over: 1"
    assert runs.run(BLOCKED) == ""


def test_a_run_that_did_not_come_to_its_end_proves_that_nothing_is_over(runs: Runs) -> None:
    runs.run(BLOCKED)
    assert runs.run(OUTAGE, is_complete=False) == ""
    assert runs.run(BLOCKED) == ""
    assert runs.run() == "over: 1"


def test_another_problem_of_the_same_payout_takes_its_place(runs: Runs) -> None:
    """The first is not called over: the payout is still blocked."""
    runs.run(BLOCKED)
    assert runs.run(replace(BLOCKED, code="negative")) == "new: 1"
    assert [it.alert.code for it in runs.known] == ["negative"]
    assert runs.run() == "over: 1"


def test_a_payout_that_cannot_be_fetched_for_now_keeps_its_problem(runs: Runs) -> None:
    runs.run(BLOCKED)
    assert runs.run(replace(BLOCKED, code=Unavailable.code)) == ""
    assert runs.run(BLOCKED) == ""


def test_a_problem_of_the_profile_takes_no_others_place(runs: Runs) -> None:
    runs.run(SETTING)
    assert runs.run(replace(SETTING, code="credentials")) == "new: 1, over: 1"
