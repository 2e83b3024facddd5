"""The rules of what is mailed, and when."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from klarna24.errors import Locked, Unavailable
from klarna24.notify.alerts import Alert, KnownAlert, digest_of, updated
from klarna24.notify.letter import counts

BLOCKED = Alert("shop1", "payout X", "residual", "0.01 SEK is unexplained", "ask Klarna", "2026-11-19, 960.00 SEK")
ALERTS = {
    "blocked": BLOCKED,
    "other": replace(BLOCKED, subject="payout Y"),
    "setting": replace(BLOCKED, subject="no such voucher type", code="config", facts=None),
    "outage": replace(BLOCKED, subject="", code=Unavailable.code, facts=None),
    "locked": replace(BLOCKED, subject="", code=Locked.code, facts=None),
    "well": None,
}
RUNS = (Path(__file__).parent / "alert_runs.txt").read_text("utf-8").split("\n# ")[1:]


def alert(words: str) -> Alert | None:
    """An alert of the table, with what the words say of it changed."""
    name, *rest = re.split(" (of|as) ", words)
    found = ALERTS[name]
    match rest:
        case ["of", "another message"] if found:
            return replace(found, message="0.02 SEK is unexplained")
        case ["of", "other facts"] if found:
            return replace(found, facts="2026-11-19, 961.00 SEK")
        case ["as", code] if found:
            return replace(found, code=code)
    return found


class Runs:
    """Runs of one profile; what each mails, as counts."""

    def __init__(self) -> None:
        self.known: list[KnownAlert] = []
        self.now = datetime(2026, 11, 19, 3, tzinfo=UTC)

    def run(self, line: str) -> str:
        found = re.fullmatch(r"(?:([\d.]+)h )?(unsent )?(cut short )?(.*)", line)
        assert found
        hours, unsent, cut_short, met = found.groups()
        self.now += timedelta(hours=float(hours or 24))
        self.known = updated(self.known, filter(None, map(alert, met.split(", "))), not cut_short, self.now)
        digest = digest_of(self.known, self.now)
        if not unsent:
            mailed = [*digest.new, *digest.still]
            left = [it for it in self.known if it not in digest.over]
            self.known = [replace(it, mailed_at=self.now) if it in mailed else it for it in left]
        return counts(digest)


@pytest.mark.parametrize("runs", RUNS, ids=lambda runs: runs.partition("\n")[0])
def test_what_is_mailed_and_when(runs: str) -> None:
    its = Runs()
    for line in runs.split("\n")[1:]:
        if line:
            given, mailed = line.split(" -> ")
            assert (its.run(given) or "nothing") == mailed, line


def test_a_reminder_has_the_figures_of_the_last_run() -> None:
    runs = Runs()
    assert [runs.run(it) for it in ("blocked", "200h blocked of another message")] == ["new: 1", "still: 1"]
    assert [it.alert.message for it in runs.known] == ["0.02 SEK is unexplained"]


def test_what_is_over_stays_known_until_it_is_mailed_and_an_end_that_was_not_worth_a_mail_does_not() -> None:
    runs = Runs()
    for line in ("blocked", "unsent well"):
        runs.run(line)
    (over,) = runs.known
    runs.run("200h unsent well")
    assert runs.known == [over]
    outage = Runs()
    for line in ("outage", "1h well"):
        outage.run(line)
    assert outage.known == []
