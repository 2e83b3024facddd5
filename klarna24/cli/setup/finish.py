"""The end of init: the last payout as a dry run, "Save?", and the next steps."""

import tempfile
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from click import echo

from klarna24.cli.output.tables import print_report
from klarna24.cli.setup import profile_file
from klarna24.cli.setup.connections import LOOK_BACK_DAYS
from klarna24.cli.setup.draft import Draft, no_sessions
from klarna24.cli.setup.prompts import ask_yes_no, print_error, print_ok
from klarna24.cli.setup.secrets import ask_where_to_store, store_passwords
from klarna24.config.contacts import Notify
from klarna24.config.loading import Config, load
from klarna24.ecb.client import EcbClient
from klarna24.klarna.client import KlarnaClient
from klarna24.run.context import RunContext
from klarna24.run.outcome import Report
from klarna24.run.plan import preview
from klarna24.schedule.crontab import crontab
from klarna24.state.store import State
from klarna24.twentyfour.client import TwentyFourClient

NEXT_STEPS = """
Next:
  klarna24 check --profile {name}            tests everything again, without sending
  klarna24 check --profile {name} --as-cron  the same, as cron would run it
  klarna24 dry-run --profile {name}          shows what would be drafted

For crontab -e, once you agree with what dry-run shows:

{crontab}"""


def ask_to_save(draft: Draft) -> None:
    """Nothing is written before the answer, nor after a no."""
    _preview(draft)
    ask_where_to_store(draft)
    if not ask_yes_no(f"\nSave profile {draft.name} in {draft.path}?", default=True):
        echo("Nothing was written.")
        return
    text = profile_file.with_profile(draft.text, draft.name, draft.table, draft.top)
    _check_whole(text, draft.name)
    store_passwords(draft)
    profile_file.write(draft.path, text)
    print_ok(f"saved: {draft.path}")
    line = crontab(load(draft.path, draft.state_dir), [draft.name])
    echo(NEXT_STEPS.format(name=draft.name, crontab=line))


def _preview(draft: Draft) -> None:
    """The last payout; if it is blocked, the last one that is not, too."""
    echo("\nThe last payout, as it would be booked:\n")
    profile = draft.profile(complete=True)
    with (
        no_sessions() as sessions,
        closing(KlarnaClient(profile.klarna, draft.password("klarna"))) as klarna,
        closing(TwentyFourClient(profile, lambda: draft.password("24sevenoffice"), sessions)) as office,
        closing(State.for_reading(sessions.folder)) as state,
    ):
        config = Config(draft.path, sessions.folder, {}, Notify())
        context = RunContext(profile, config, klarna, office, EcbClient(config.rates_url), state)
        plan = preview(context, (context.today - timedelta(days=LOOK_BACK_DAYS), context.today))
    if plan.fault:
        print_error(plan.fault)
        return
    if not plan.outcomes:
        echo(f"  No payouts in the last {LOOK_BACK_DAYS} days.")
        return
    last = plan.outcomes[-1]
    with_voucher = [outcome for outcome in plan.outcomes if outcome.voucher]
    shown = [last] if last.voucher else [*with_voucher[-1:], last]
    print_report(Report(profile=draft.name, outcomes=shown, chart=context.chart), show_all=False)


def _check_whole(text: str, name: str) -> None:
    """Raises ConfigFault if other commands would refuse the profile in the file that is about to be written."""
    with tempfile.TemporaryDirectory(prefix="klarna24-init-") as folder:
        path = Path(folder, "profiles.toml")
        profile_file.write(path, text)
        load(path).profile(name)
