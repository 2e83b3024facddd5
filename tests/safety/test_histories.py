"""Random histories: whatever happens in whatever order, no payout is saved twice and none is forgotten.

Payouts appear late, are blocked, corrected and changed; records become unreadable and readable again; runs fail at
random places; pages are shuffled, and the list changes between two of them; the profile is renamed; the state is
restored from a backup or lost; a person books, edits and deletes drafts, and resolves what is in doubt after
looking; clocks jump; sessions end. Evidence is kept in one way or another, and each part of that fails; no payout
waits for it, and what is kept of a payout is whole.
"""

import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from klarna24.config.folders import STATE_FILE
from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.server import Sandbox
from tests.support import LONG, data
from tests.support.archive import assert_whole, full_disk, unfinished
from tests.support.bookkeeping import merged
from tests.support.mail_server import plain_email
from tests.support.postgres import Base
from tests.support.shops import Shop, plain_profile, snapshot
from tests.support.smtp_server import MailServer
from tests.support.state import sql

PARTS = 8 if LONG else 2  # so that the search runs in parallel
HISTORIES = 240 if LONG else 16
TODAY = datetime.now(UTC).date()
MADE_OF = data(__file__, "histories.toml")
SHAPES = MADE_OF["shapes"]
ODD: list[dict[str, Any]] = [{name: None} for name in ("merchant_settlement_type", "merchant_id", "totals")]
ODD += [{"currency_code": 752}, {"payout_date": "soon"}]
ACTS = ("book", "book", "delete", "edit", "resolve", "resolve", "skip", "clock jumps", "sessions end")
EVIDENCE = ("none", "mail", "attach")
INBOX = "belege@shop1.se"
ACCOUNTS = (1580, 1930, 2641, 2899, 6064, 6570)


class Histories(RuleBasedStateMachine):
    """One merchant, one company, one state."""

    folder: Path  # set by the test, for all histories
    capture: pytest.CaptureFixture[str]
    mail: MailServer
    base: Base | None  # has the state, if it is on a server
    today: date  # of the history that is running
    typed: str

    def __init__(self) -> None:
        super().__init__()
        type(self).today, type(self).typed = TODAY, ""
        self.box = Sandbox(payouts=[]).start()
        os.environ.update(self.box.environment())
        home = self.box.office.home
        home.chart = {number: home.chart[number] for number in ACCOUNTS}  # quicker to read
        self.shop = Shop(self.box, Path(tempfile.mkdtemp(dir=self.folder)), self.capture)
        if self.base:
            self.base.empty()
            self.shop.use_server(self.base)
        self.profile = merged(
            plain_profile(self.box),
            {
                "start_date": TODAY - timedelta(days=60),
                "24sevenoffice": {"voucher_inbox": INBOX},
                **plain_email(self.shop, self.mail),
            },
        )
        self.archive = self.shop.folder / "archive"
        self.mail.mails.clear()
        self.published, self.name, self.fees, self.evidence = 0, "shop1", 6064, "none"
        self.ever: list[dict[str, Any]] = []  # also what Klarna has taken out of its list
        self.as_published: set[str] = set()
        self.was_lost = False  # then what is new may have been drafted before, and is in doubt
        self.readable: dict[str, dict[str, Any]] = {}
        self.saves: Counter[str] = Counter()
        self.resends: Counter[str] = Counter()
        self.said_drafted: set[str] = set()
        self.doubts: set[str] = set()
        self.done: set[str] = set()
        self.database = self.shop.state / STATE_FILE
        self.restore: Callable[[], object] | None = None
        keep = self.box.office.save_draft

        def counted(company: Any, draft: Any) -> Any:
            assert company is self.box.office.home
            assert sum(entry["Amount"] for entry in draft.entries) == 0
            self.saves[draft.name.split()[1]] += 1
            return keep(company, draft)

        self.box.office.save_draft = counted  # type: ignore[method-assign]  # the sandbox's own, watched

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                self._end_well()
        finally:
            self.box.stop()
            shutil.rmtree(self.shop.folder)
        assert not self.box.errors, self.box.errors

    def _end_well(self) -> None:
        """After a last run without a fault no good payout waits, and the archive is as the state says. Before it,
        Klarna lists all payouts again, with their dates: a new state knows of no other."""
        listed = {it["payment_reference"] for it in self.box.klarna.payouts}
        for payout in [it for it in self.ever if it["payment_reference"] not in listed]:
            self.box.klarna.add(payout, [])
        for payout in self.box.klarna.payouts:
            payout["payout_date"] = self.readable.get(payout["payment_reference"], payout)["payout_date"]
        type(self).today = max(self.today, TODAY)
        self.keep(archive=True, evidence=self.evidence)
        self._sync()
        stored = self.shop.stored()
        good = self.as_published & {it["payment_reference"] for it in self.box.klarna.payouts}  # one may have gone
        waits = {it: stored.get(it) for it in good if stored.get(it) in {None, "ready", "blocked"}}
        assert not waits, waits
        self.shop.run("archive", "--profile", self.name)  # what a restored state does not know
        verified = self.shop.run("archive", "--profile", self.name, "--verify")
        # before a state was lost, a payout whose record had become unreadable may have had two folders
        excused = [rf"\b{it}\b" for it in self.readable] if self.was_lost else []
        wrong = [line for line in verified.lines() if not any(re.search(it, line) for it in excused)]
        assert not wrong, verified
        assert verified.code == (3 if verified.err else 0), verified
        assert_whole(self.archive)

    # Klarna

    @initialize(archive=st.booleans(), evidence=st.sampled_from(EVIDENCE))
    def one_payout(self, archive: bool, evidence: str) -> None:
        self.keep(archive, evidence)
        self.publish("good", 3)

    @rule(shape=st.sampled_from(sorted(SHAPES)), days_ago=st.integers(0, 40))
    def publish(self, shape: str, days_ago: int) -> None:
        """A payout appears, perhaps long after its date."""
        self.published += 1
        when = datetime.combine(TODAY - timedelta(days=days_ago), datetime.min.time(), UTC) + timedelta(hours=9)
        self.ever.append(make_payout(f"REF{self.published}", when, **SHAPES[shape]))
        self.box.klarna.add(self.ever[-1], [])
        self.as_published |= {f"REF{self.published}"} if shape == "good" else set()

    @rule(pick=st.integers(0, 99), correct=st.booleans())
    def change(self, pick: int, correct: bool) -> None:
        """Klarna corrects a payout, or changes its figures."""
        payout = self.box.klarna.payouts[pick % len(self.box.klarna.payouts)]
        payout.update(self.readable.get(payout["payment_reference"], {}))
        self.as_published.discard(payout["payment_reference"])
        totals = payout["totals"]
        totals.update(dict.fromkeys(totals, 0))
        sale = 10000 if correct else 10000 + 100 * (pick + 1)
        totals.update(sale_amount=sale, fee_amount=300, tax_amount=75, settlement_amount=sale - 375)

    @rule(pick=st.integers(0, 99), odd=st.sampled_from((None, *ODD)))
    def record(self, pick: int, odd: dict[str, Any] | None) -> None:
        """A record becomes odd in one more way, or is as it should be again."""
        payout = self.box.klarna.payouts[pick % len(self.box.klarna.payouts)]
        good = self.readable.setdefault(payout["payment_reference"], dict(payout))
        self.as_published.discard(payout["payment_reference"])
        payout.update(good if odd is None else odd)

    @rule()
    def back_up(self) -> None:
        if self._has_state():
            self.restore = (
                self.base.backup() if self.base else partial(self.database.write_bytes, self.database.read_bytes())
            )

    @rule(restore=st.booleans())
    def lose_the_state(self, restore: bool) -> None:
        """It is restored from a backup, or begins again when a person says so. All drafts are booked before, since
        no API shows a draft: one that no ledger holds is made again, and that is right."""
        if not self._has_state():
            return
        office = self.box.office
        for draft in list(office.home.drafts):
            office.book(draft.id)
        if restore and self.restore:
            self.restore()
        else:
            self.base.empty() if self.base else self.database.unlink()
            saves = self.saves.total()
            refused = self.shop.run("sync", "--profile", self.name, "--now")
            assert (refused.code, self.saves.total()) == (3, saves)
            assert "klarna24 state new" in refused.err
            assert self.shop.run("state", "new", "--yes").code == 0
            self.restore = None  # it is that of another state, and refused
        self.doubts.clear()
        self.done.clear()
        self.was_lost = True
        self.mail.mails.clear()  # a state that knows of no mail sends it again
        drafted = {reference for reference, status in self.shop.stored().items() if status == "drafted"}
        for reference in [it for it in self.saves if it not in drafted and not self._in_ledger(it)]:
            del self.saves[reference]

    def _has_state(self) -> bool:
        return self.base.has_state() if self.base else self.database.exists()

    @rule()
    def rename(self) -> None:
        """The profile has another name from now on."""
        self.name = f"shop{1 + int(self.name.removeprefix('shop'))}"
        self._write()

    @rule()
    def choose(self) -> None:
        """The profile books fees on another account from now on."""
        self.fees = 6570 if self.fees == 6064 else 6064
        self._write()

    @rule(archive=st.booleans(), evidence=st.sampled_from(EVIDENCE))
    def keep(self, archive: bool, evidence: str) -> None:
        """Evidence is kept in another way from now on."""
        self.shop.top["archive"] = str(self.archive)
        if not archive:
            del self.shop.top["archive"]
        self.evidence = evidence
        self._write()

    def _write(self) -> None:
        choices = {"evidence": self.evidence, "accounts": {"fees": self.fees}}
        profile = merged(self.profile, choices)
        self.shop.config.write_text(tomli_w.dumps({**self.shop.top, "profiles": {self.name: profile}}))

    # Runs

    @rule(fault=st.sampled_from(MADE_OF["save_faults"]), after=st.integers(0, 1), saved=st.booleans())
    def run_that_fails_at_a_save(self, fault: str, after: int, saved: bool) -> None:
        """Before it was saved or after, as far as the fault leaves that open."""
        open_to_both = fault in {"html-error", "redirect", "garbage", "cut"}
        arguments: dict[str, Any] = {"saved": saved} if open_to_both else {}
        self.box.faults.arm(fault, 1, after, "SaveBundleList", **arguments)
        self._sync()

    @rule(fault=st.sampled_from(["", "", "dry", *MADE_OF["faults"]]), after=st.integers(0, 9))
    def run(self, fault: str, after: int) -> None:
        if fault == "dry":
            before = self._everything()
            self.shop.run("dry-run", "--profile", self.name)
            assert self._everything() == before
        elif fault:
            self.box.faults.arm(fault, 1, after)
        self._sync()

    def _everything(self) -> object:
        rows = self.base.everything() if self.base and self._has_state() else None
        return snapshot(self.shop.state), rows

    @rule(fault=st.sampled_from(MADE_OF["evidence_faults"]), after=st.integers(0, 4))
    def run_that_cannot_keep_the_evidence(self, fault: str, after: int) -> None:
        """What is new is drafted all the same."""
        self.publish("good", 3)
        with pytest.MonkeyPatch.context() as patch:
            match fault.split():
                case ["mail", reply]:
                    self.mail.refuses = (reply,)
                case ["mail"]:
                    self.mail.mute_after_data = True
                case ["disk"]:
                    full_disk(patch, after)
                case [name, *operation]:
                    self.box.faults.arm(name, 2, after, *operation)
            codes = self._sync()
        self.mail.refuses, self.mail.mute_after_data = (), False
        if self.today >= TODAY - timedelta(days=3):
            assert self.saves[f"REF{self.published}"] == 1 or (self.was_lost and "in-doubt" in codes), codes

    @rule(edit=st.booleans())
    def book_all_and_run(self, edit: bool) -> None:
        """A person books the drafts, the first perhaps with another amount; then there is something new."""
        office = self.box.office
        for draft in list(office.home.drafts):
            if edit:
                office.edit_draft(draft.id, 0, Amount=draft.entries[0]["Amount"] + 1)
                edit = False
            office.book(draft.id)
        self.publish("good", 3)
        self._sync()

    def _sync(self) -> set[str]:
        """Returns the codes of the run's problems. What was listed before and after the run is known: what comes
        meanwhile is found by the next one."""
        before = {it["payment_reference"] for it in self.box.klarna.payouts}
        result = self.shop.run("sync", "--profile", self.name, "--now", "--json")
        self.box.faults.clear()
        assert result.code != 1, result.err
        codes = {problem["code"] for problem in result.json["profiles"][0]["problems"]}
        if not codes & {"unavailable", "credentials", "config", "state"}:
            known = self.shop.stored()
            days = {
                it["payment_reference"]: date.fromisoformat(it["payout_date"][:10])
                for it in self.box.klarna.payouts
                if it["payout_date"] != "soon" and it["payment_reference"] in before
            }
            assert {reference for reference, day in days.items() if day <= self.today} <= set(known)
        return codes

    # The person, and the world

    @rule(pick=st.integers(0, 99), what=st.sampled_from(ACTS), days=st.integers(-5, 5))
    def day(self, pick: int, what: str, days: int) -> None:
        drafts, references = self.box.office.home.drafts, sorted(self.shop.stored())
        match what:
            case "clock jumps":
                type(self).today += timedelta(days=days)
            case "sessions end":
                self.box.office.expire_sessions()
            case "resolve" | "skip" if references:
                self._resolve_after_looking(references[pick % len(references)], what == "skip")
            case "book" if drafts:
                self.box.office.book(drafts[pick % len(drafts)].id)
            case "delete" if drafts:
                self.box.office.delete_draft(drafts[pick % len(drafts)].id)
            case "edit" if drafts:
                draft = drafts[pick % len(drafts)]
                self.box.office.edit_draft(draft.id, 0, Amount=draft.entries[0]["Amount"] + 1)

    def _resolve_after_looking(self, reference: str, skip: bool) -> None:
        """The person looks in 24SevenOffice and says what is so, or gives a payout up."""
        is_there = self._in_ledger(reference) or any(name.split()[1] == reference for name in self.shop.drafts())
        decision = "--skip" if skip else "--drafted" if is_there else "--resend"
        type(self).typed = reference
        if self.shop.run("resolve", "--profile", self.name, reference, decision, "--yes").code == 0:
            self.doubts.discard(reference)
            self.said_drafted |= {reference} if decision == "--drafted" else set()
            self.resends[reference] += decision == "--resend"
            self.done -= {reference}

    def _in_ledger(self, reference: str) -> bool:
        return any(reference in line["Comment"].split() for line in self.box.office.home.ledger)

    # What must hold after every step

    @invariant()
    def nothing_is_saved_twice_without_an_order(self) -> None:
        for reference, saves in self.saves.items():
            assert saves <= 1 + self.resends[reference], f"{reference}: saved {saves} times"

    @invariant()
    def what_is_drafted_was_saved_or_a_person_said_so(self) -> None:
        drafted = {reference for reference, status in self.shop.stored().items() if status == "drafted"}
        assert drafted <= set(self.saves) | self.said_drafted

    @invariant()
    def each_report_is_mailed_at_most_once(self) -> None:
        mails = Counter(str(it["Subject"]).split()[2] for it in self.mail.mails if it["To"] == INBOX)
        assert set(mails.values()) <= {1}, mails

    @invariant()
    def no_two_payouts_share_pages(self) -> None:
        stamps = {
            (number, it.name.split()[1])
            for it in self.box.office.home.drafts
            for number in {entry["StampNo"] for entry in it.entries} - {0, None}
        }
        assert len(dict(stamps)) == len(stamps), stamps

    @invariant()
    def what_is_in_the_archive_is_whole(self) -> None:
        if self.archive.is_dir():
            assert unfinished(self.archive) == []
            assert_whole(self.archive, by_sha256sum=False)

    @invariant()
    def what_is_booked_stands_in_the_ledger(self) -> None:
        for reference, status in self.shop.stored().items():
            assert status != "booked" or self._in_ledger(reference), reference

    @invariant()
    def what_was_drafted_is_never_ready_again_without_an_order(self) -> None:
        """A record that cannot be read any more after a rename has a row of its own beside it."""
        if not self._has_state():
            return
        statement = "SELECT payment_reference, status FROM payout"
        rows = self.base.sql(statement) if self.base else sql(self.shop.state, statement)
        done = {reference for reference, status in rows if status in {"drafted", "booked"}}
        assert self.done <= done, [row for row in rows if row[0] in self.done - done]
        self.done = done

    @invariant()
    def doubt_is_ended_by_the_ledger_or_a_person(self) -> None:
        stored = self.shop.stored()
        for reference in sorted(self.doubts):
            status = stored[reference]
            assert status in {"sending", "in-doubt", "drafted", "booked"}, f"{reference}: {status}"
            if status in {"drafted", "booked"}:
                assert self._in_ledger(reference)
                self.doubts.discard(reference)
        self.doubts |= {reference for reference, status in stored.items() if status in {"sending", "in-doubt"}}


@pytest.mark.no_cover  # other tests cover each line, and counting takes a minute
@pytest.mark.parametrize(
    ("histories", "on_a_server"),
    [*[(HISTORIES // PARTS, False)] * PARTS, *[(HISTORIES // PARTS // 5, True)] * (PARTS // 2)],
)
def test_random_histories(
    histories: int,
    on_a_server: bool,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    plain_mail: MailServer,
) -> None:
    Histories.folder, Histories.capture, Histories.mail = tmp_path, capsys, plain_mail
    Histories.base = request.getfixturevalue("base") if on_a_server else None
    monkeypatch.setattr("klarna24.run.evidence.rendered", lambda *_: [b"\x89PNG\r\n\x1a\n"])  # quicker
    monkeypatch.setattr("klarna24.notify.limit.SECONDS", 0.2)
    monkeypatch.setattr("klarna24.run.context.RunContext.today", property(lambda self: Histories.today))
    monkeypatch.setattr("klarna24.klarna.client.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("klarna24.twentyfour.connection.RETRY_SECONDS", 0.05)
    monkeypatch.setattr("klarna24.klarna.listing.PAGE_SIZE", 3)  # so that even a few payouts need several answers
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("klarna24.cli.resolve.read_line", lambda *args, **kwargs: Histories.typed)
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=histories,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        ),
    )
