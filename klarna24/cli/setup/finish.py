"""The end of init: the passwords' place, the last payout as a dry run, "Save?", and the next steps."""

import contextlib
import io
import shlex
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date, timedelta
from pathlib import Path

from click import echo

from klarna24.check.history import read_history
from klarna24.check.profile import HISTORY
from klarna24.cli.output.history import print_history
from klarna24.cli.output.tables import print_report
from klarna24.cli.setup import profile_file
from klarna24.cli.setup.draft import LOOK_BACK_DAYS, Draft, no_sessions
from klarna24.cli.setup.prompts import Back
from klarna24.cli.setup.secrets import ask_where_to_store, store_passwords
from klarna24.config.contacts import Notify
from klarna24.config.defaults import with_defaults
from klarna24.config.folders import default_path, default_state_dir
from klarna24.config.loading import Config, absolute_path, load
from klarna24.ecb.client import EcbClient
from klarna24.errors import ConfigFault, Klarna24Error
from klarna24.klarna.client import KlarnaClient
from klarna24.run.context import RunContext
from klarna24.run.outcome import Outcomes, Report
from klarna24.run.plan import preview
from klarna24.schedule.crontab import crontab
from klarna24.state.store import State
from klarna24.text.sentences import sentence
from klarna24.twentyfour.client import TwentyFourClient

SHOWN_LINES = 15  # of the preview: with the warnings and the question after it they fit a screen of 24
STEPS = {
    "check --profile {name}": sentence("tests everything again, without sending"),
    "check --profile {name} --as-cron": sentence("the same, as cron would run it"),
    "dry-run --profile {name}": sentence("shows what would be drafted"),
}


def finish(draft: Draft) -> bool:
    """Whether the conversation is over: saved, or left with a no, after which nothing is written. Raises Back."""
    ask_where_to_store(draft)
    try:
        text = _whole_file(draft)
    except ConfigFault as fault:
        for problem in fault.problems():
            draft.prompts.error(problem.message)
        return False
    _show_last_payout(draft)
    draft.prompts.gap()
    question = sentence("Save profile {name} in {path}", name=draft.name, path=str(draft.path))
    if not draft.prompts.yes_no(question, default=True):
        draft.prompts.say(sentence("Nothing was saved."))
        return True
    store_passwords(draft)
    profile_file.write(draft.path, text)
    draft.is_saved = True
    draft.prompts.ok(sentence("saved: {path}", path=str(draft.path)))
    _offer_history(draft)
    draft.prompts.heading(sentence("Next:"))
    config = load(draft.path, draft.state_dir)
    for line in _exports(config):
        echo(f"  {line}")
    commands = {f"klarna24 {command.format(name=draft.name)}": why for command, why in STEPS.items()}
    width = max(map(len, commands))
    for command, why in commands.items():
        draft.prompts.say(why, indent=2, mark=f"{command:<{width}}  ")
    draft.prompts.heading(sentence("For crontab -e, once you agree with what dry-run shows:"))
    echo(f"\n{crontab(config, [draft.name])}")
    return True


def _exports(config: Config) -> Iterator[str]:
    """What the next commands need where they would not find profiles.toml and the state by themselves."""
    if config.path != _found(default_path):
        yield f"export KLARNA24_CONFIG={shlex.quote(str(config.path))}"
    if config.state_dir != (config.state_dir_in_file or _found(default_state_dir)):
        yield f"export KLARNA24_STATE_DIR={shlex.quote(str(config.state_dir))}"


def _found(default: Callable[[], Path]) -> Path | None:
    """Without a home folder nothing is."""
    try:
        return absolute_path(default())
    except ConfigFault:
        return None


def _whole_file(draft: Draft) -> str:
    """The text of the file that will be written. Raises ConfigFault if other commands would refuse the profile."""
    own = draft.own_table()
    if with_defaults(own, draft.defaults) != draft.table:
        draft.prompts.warn(sentence("what you took out stands in [defaults] and stays: change it there"))
    text = profile_file.with_profile(draft.text, draft.name, own, draft.top)
    for name, table in draft.others.items():
        text = profile_file.with_profile(text, name, table, {})
    with tempfile.TemporaryDirectory(prefix="klarna24-init-") as folder:
        path = Path(folder, "profiles.toml")
        profile_file.write(path, text)
        load(path).profile(draft.name)
    return text


def _show_last_payout(draft: Draft) -> None:
    """The last payout; if it is blocked, the last one that is not, too."""
    draft.prompts.heading(sentence("The last payout, as it would be booked:"))
    with _opened(draft) as context:
        first = context.today - timedelta(days=LOOK_BACK_DAYS)
        plan = preview(context, (_last_day(draft) or first, context.today))
        if plan.outcomes and not any(outcome.voucher for outcome in plan.outcomes):
            plan = preview(context, (first, context.today))
    if plan.fault:
        draft.prompts.error(plan.fault.message)
    elif not plan.outcomes:
        draft.prompts.say(sentence("No payouts in the last {days} days.", days=LOOK_BACK_DAYS), indent=2)
    else:
        _print(draft, plan, context.chart)


def _offer_history(draft: Draft) -> None:
    """What ``check --history`` shows, if that is wanted."""
    draft.prompts.gap()
    question = sentence("Check the payouts of the last {months} months against the ledger now", months=HISTORY)
    try:
        if not draft.prompts.yes_no(question, default=False):
            return
        with _opened(draft, load(draft.path, draft.state_dir)) as context:
            print_history(read_history(context, HISTORY))
    except Back:
        return
    except Klarna24Error as error:
        draft.prompts.error(error.message, error.hint)


@contextmanager
def _opened(draft: Draft, config: Config | None = None) -> Iterator[RunContext]:
    """What a run works with, in a session that is not stored; without a ``config``, with an empty state."""
    profile = draft.profile(complete=True)
    with no_sessions() as sessions:
        config = config or Config(draft.path, sessions.folder, {}, Notify())
        with (
            closing(KlarnaClient(profile.klarna, draft.password("klarna"))) as klarna,
            closing(TwentyFourClient(profile, lambda: draft.password("24sevenoffice"), sessions)) as office,
            closing(State.for_reading(config.state)) as state,
        ):
            yield RunContext(profile, config, klarna, office, EcbClient(config.rates_url), state)


def _last_day(draft: Draft) -> date | None:
    """Of the newest payout that the profile covers."""
    zone = draft.profile().timezone
    days = [
        it.payout_date.astimezone(zone).date()
        for it in draft.payouts
        if it.payout_date and draft.covers(it.merchant_id, it.currency)
    ]
    return max(days, default=None)


def _print(draft: Draft, plan: Outcomes, chart: dict[int, str]) -> None:
    """The first and the last lines, as many as a screen has; of a blocked payout, only why."""
    last = plan.outcomes[-1]
    shown = next((outcome for outcome in reversed(plan.outcomes) if outcome.voucher), last)
    language, written = draft.prompts.reader.language, io.StringIO()
    with contextlib.redirect_stdout(written):
        print_report(Report(profile=draft.name, language=language, outcomes=[shown], chart=chart), show_all=False)
    lines, half = written.getvalue().splitlines(), SHOWN_LINES // 2
    if len(lines) <= SHOWN_LINES:
        echo("\n".join(lines))
    else:
        echo("\n".join(lines[:half]))
        left_out = sentence("… {count} more lines, which dry-run shows …", count=len(lines) - 2 * half)
        draft.prompts.say(left_out, indent=2)
        echo("\n".join(lines[-half:]))
    if last is not shown and last.problem:
        place = next(number for number, outcome in enumerate(plan.outcomes) if outcome is shown)
        if (later := len(plan.outcomes) - place - 1) > 1:
            text = sentence("later payouts that are blocked: {count}; dry-run shows why. The last:", count=later)
            draft.prompts.warn(text)
        draft.prompts.warn(last.problem.message)
