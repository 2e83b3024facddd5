"""What a person asks between runs: the last run, the next one, and what waits for a decision. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from klarna24.config.loading import Config
from klarna24.run import messages
from klarna24.run.due import next_due
from klarna24.state.records import Owner, Row, Status
from klarna24.state.store import State


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payout that waits for a person, or only for the next run (``ready``); ``command`` is what settles it."""

    row: Row
    reason: str
    command: str


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """``in_file`` is false for a profile that is no longer in profiles.toml: no run of it is ever due. ``drafts``
    wait in 24SevenOffice to be booked, as far as the ledger was read."""

    profile: str
    in_file: bool
    checkpoint: date | None
    completed_at: datetime | None
    next_due: datetime | None
    counts: dict[Status, int]
    waiting: list[Waiting]
    drafts: list[Row]

    @property
    def oldest_draft(self) -> datetime | None:
        """Since when (UTC) the draft waits that has waited longest."""
        return min((row.changed_at for row in self.drafts), default=None)


def status(config: Config, names: list[str] | None) -> list[ProfileStatus]:
    """Of the named profiles, or of all, including those that only the state knows. Works while a sync runs."""
    state = State.for_reading(config.state)
    try:
        wanted = names or [*config.profiles, *(set(state.profiles()) - set(config.profiles))]
        known = {*config.profiles, *state.profiles()}
        for name in wanted:
            if name not in known:
                config.profile(name)  # raises, with the nearest name
        return [_of_profile(state, config, name) for name in wanted]
    finally:
        state.close()


def _of_profile(state: State, config: Config, name: str) -> ProfileStatus:
    return ProfileStatus(
        profile=name,
        in_file=name in config.profiles,
        checkpoint=state.checkpoint(name),
        completed_at=state.completed_at(name),
        next_due=_next_due(state, config, name),
        counts=state.counts(name),
        waiting=list(_waiting(state, name)),
        drafts=state.drafts(name),
    )


def _next_due(state: State, config: Config, name: str) -> datetime | None:
    """In UTC; the present where a run is due already, None where the profile is gone."""
    profile = config.profiles.get(name)
    return next_due(profile, *state.last_run(Owner.of(profile)), datetime.now(UTC)) if profile else None


def _waiting(state: State, name: str) -> Iterator[Waiting]:
    for row in state.waiting(name):
        same = state.by_reference(name, row.key.payment_reference)
        resolve = messages.ResolveCommand.of(name, row.key, (other.key for other in same))
        command = f"klarna24 sync --profile {name} --now"
        if row.in_doubt:
            command = f"{resolve('drafted')}, or {resolve('resend')}"
        elif row.status in {Status.BLOCKED, Status.REJECTED} and row.problem:
            command = row.problem.hint
        reason = (
            "seen, not sent yet" if row.status is Status.READY else "sent, and the run ended before the answer"
        )
        yield Waiting(row, row.problem.message if row.problem else reason, command)
