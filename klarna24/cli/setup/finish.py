"""The end of init: the last payout as a dry run, "save?", and what to do next."""

import tempfile
from datetime import timedelta
from pathlib import Path

from klarna24.cli.output.tables import print_report
from klarna24.cli.setup import profile_file
from klarna24.cli.setup.connections import LOOK_BACK_DAYS
from klarna24.cli.setup.draft import Draft, no_sessions
from klarna24.cli.setup.prompts import right, say, wrong, yes
from klarna24.cli.setup.secrets import keep_secrets
from klarna24.config.loading import Config, load
from klarna24.config.tables import Notify
from klarna24.klarna.client import KlarnaClient
from klarna24.run.context import RunContext
from klarna24.run.outcome import Report
from klarna24.run.plan import preview
from klarna24.schedule.crontab import crontab
from klarna24.state.store import State
from klarna24.twentyfour.client import TwentyFourClient


def ask_to_save(draft: Draft) -> None:
    _preview(draft)
    keep = keep_secrets(draft.path, draft.name, draft.table, draft.top, draft.typed)
    if not yes(f"\nSave profile {draft.name} in {draft.path}?", default=True):
        say("Nothing was written.")
        return
    text_now = profile_file.with_profile(draft.text, draft.name, draft.table, draft.top)
    _check_whole(draft, text_now)
    keep()
    profile_file.write(draft.path, text_now)
    right(f"saved: {draft.path}")
    say(f"\nNext:\n  klarna24 check --profile {draft.name}            everything once more, without posting")
    say(f"  klarna24 check --profile {draft.name} --as-cron  the same as cron will see it")
    say(f"  klarna24 dry-run --profile {draft.name}")
    say("\nFor crontab -e, once you agree with what dry-run shows:\n")
    say(crontab(load(draft.path, draft.state_dir), [draft.name]))


def _preview(draft: Draft) -> None:
    """The last payout as a dry run: what the profile makes of it."""
    say("\nThe last payout, as it would be booked:\n")
    profile = draft.profile(whole=True)
    with no_sessions() as sessions:
        klarna = KlarnaClient(profile.klarna, draft.secret("klarna"))
        office = TwentyFourClient(profile, lambda: draft.secret("24sevenoffice"), sessions)
        state = State.snapshot(sessions.folder)
        context = RunContext(profile, Config(draft.path, sessions.folder, {}, Notify()), klarna, office, state)
        try:
            planned = preview(context, (context.today - timedelta(days=LOOK_BACK_DAYS), context.today))
        finally:
            klarna.close()
            office.close()
            state.close()
    if planned.fault:
        wrong(f"{planned.fault.message} → {planned.fault.hint}")
        return
    if not planned.outcomes:
        say(f"  No payouts in the last {LOOK_BACK_DAYS} days.")
        return
    last = planned.outcomes[-1]
    whole = [outcome for outcome in planned.outcomes if outcome.voucher and outcome is not last][-1:]
    shown = [last] if last.voucher else [*whole, last]
    print_report(Report(profile=draft.name, outcomes=shown, chart=context.chart), show_all=False)


def _check_whole(draft: Draft, text_now: str) -> None:
    """The file that is about to be written is one that every command accepts."""
    with tempfile.TemporaryDirectory(prefix="klarna24-init-") as folder:
        trial = Path(folder, "profiles.toml")
        profile_file.write(trial, text_now)
        load(trial)
