"""What a person asks between runs: the last run, the next one, and what waits for a decision. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import assert_never

from klarna24.config.loading import Config
from klarna24.errors import Problem, ProblemCode, worst
from klarna24.run import messages
from klarna24.run.due import next_due
from klarna24.state.records import Owner, Row, Status
from klarna24.state.store import State
from klarna24.text.reader import Reader
from klarna24.text.sentences import Language, sentence


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payout that waits for a person, or only for the next run (``ready``). ``hint`` says what to do, and
    ``commands`` are those that end it, the likeliest first."""

    row: Row
    reason: str
    hint: str
    commands: tuple[str, ...]

    @property
    def needs_person(self) -> bool:
        """A payout that only waits for the next run needs nobody."""
        return self.row.status is not Status.READY

    @property
    def exit_code(self) -> int:
        """The exit code of a run that leaves the payout like this."""
        if self.row.in_doubt:
            return ProblemCode.IN_DOUBT.exit_code
        return self.row.problem.exit_code if self.row.problem else 0


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """``in_file`` is false for a profile that is no longer in profiles.toml: no run of it is ever due. ``drafts``
    wait in 24SevenOffice to be booked, as far as the ledger was read. ``problems`` are the faults in its settings,
    because of which it cannot run. What belongs to no profile of the file is in the language of the environment,
    and its times are in UTC."""

    profile: str
    language: Language
    timezone: tzinfo
    in_file: bool
    checkpoint: date | None
    completed_at: datetime | None
    next_due: datetime | None
    counts: dict[Status, int]
    waiting: list[Waiting]
    drafts: list[Row]
    problems: tuple[Problem, ...] = ()

    @property
    def for_person(self) -> list[Waiting]:
        """What waits for a person, without what the next run does."""
        return [it for it in self.waiting if it.needs_person]

    @property
    def exit_code(self) -> int:
        """The exit code of the worst that needs a person; 0 where nothing does."""
        return worst([*(it.exit_code for it in self.for_person), *(it.exit_code for it in self.problems)])

    @property
    def oldest_draft(self) -> datetime | None:
        """Since when (UTC) the draft waits that has waited longest."""
        return min((row.changed_at for row in self.drafts), default=None)


def status(config: Config, names: list[str] | None) -> list[ProfileStatus]:
    """Of the named profiles, or of all, including those that only the state knows. Works while a sync runs."""
    state = State.for_reading(config.state)
    try:
        wanted = names or [*config.names, *(set(state.profiles()) - set(config.names))]
        known = {*config.names, *state.profiles()}
        for name in wanted:
            if name not in known:
                config.find(name)  # raises, with the nearest name
        return [_of_profile(state, config, name) for name in wanted]
    finally:
        state.close()


def _of_profile(state: State, config: Config, name: str) -> ProfileStatus:
    profile, broken = config.profiles.get(name), config.broken.get(name)
    known = profile or broken
    return ProfileStatus(
        profile=name,
        language=known.language if known else Reader.of_environment().language,
        timezone=profile.timezone if profile else UTC,
        in_file=known is not None,
        checkpoint=state.checkpoint(name),
        completed_at=state.completed_at(name),
        next_due=_next_due(state, config, name),
        counts=state.counts(name),
        waiting=list(_waiting(state, name)),
        drafts=state.drafts(name),
        problems=broken.fault.problems() if broken else (),
    )


def _next_due(state: State, config: Config, name: str) -> datetime | None:
    """In UTC; the present where a run is due already, None where the profile is gone."""
    profile = config.profiles.get(name)
    return next_due(profile, *state.last_run(Owner.of(profile)), state.now()) if profile else None


def _waiting(state: State, name: str) -> Iterator[Waiting]:
    for row in state.waiting(name):
        same = state.by_reference(name, row.key.payment_reference)
        resolve = messages.ResolveCommand.of(name, row.key, (other.key for other in same))
        commands = _commands(row, resolve)
        yield Waiting(row, *_told(row, resolve, commands[0]), commands)


def _told(row: Row, resolve: messages.ResolveCommand, command: str) -> tuple[str, str]:
    """Why it waits, and what to do."""
    if row.status is Status.SENDING:
        return sentence("sent, and the run ended before the answer"), messages.look(resolve)
    if row.problem:
        return row.problem.message, row.problem.hint
    return sentence("seen, not sent yet"), command


def _commands(row: Row, resolve: messages.ResolveCommand) -> tuple[str, ...]:
    again = f"klarna24 sync --profile {resolve.profile} --now"
    match row.status:
        case Status.SENDING | Status.IN_DOUBT:
            return resolve("drafted"), resolve("resend")
        case Status.BLOCKED:
            return again, resolve("skip")
        case Status.REJECTED:
            return resolve("resend") if row.awaits_order else again, resolve("skip")
        case Status.DRAFTED | Status.BOOKED:  # and changed since
            return (resolve("drafted"),)
        case Status.SKIPPED:
            return resolve("resend"), resolve("skip")
        case Status.READY:
            return (again,)
    assert_never(row.status)
