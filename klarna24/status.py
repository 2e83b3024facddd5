"""What a person asks between runs: where things stand, and who waits for whom. Reads only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from klarna24 import problems
from klarna24.config import Config
from klarna24.state import Row, State, Status


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payout that needs a person, or only the next run (``ready``); ``command`` is what ends it."""

    row: Row
    reason: str
    command: str


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """``in_file`` is off for rows of a profile that is no longer in profiles.toml."""

    profile: str
    in_file: bool
    checkpoint: date | None
    completed_at: datetime | None
    counts: dict[Status, int]
    waiting: list[Waiting]


def status(config: Config, names: list[str] | None) -> list[ProfileStatus]:
    """Of the named profiles, or of all, those that only the state knows included. Works while a sync runs."""
    state = State.snapshot(config.state_dir)
    try:
        wanted = names or [*config.profiles, *(set(state.profiles()) - set(config.profiles))]
        return [_of_profile(state, config, name) for name in wanted]
    finally:
        state.close()


def _of_profile(state: State, config: Config, name: str) -> ProfileStatus:
    return ProfileStatus(
        profile=name,
        in_file=name in config.profiles,
        checkpoint=state.checkpoint(name),
        completed_at=state.completed_at(name),
        counts=state.counts(name),
        waiting=list(_waiting(state, name)),
    )


def _waiting(state: State, name: str) -> Iterator[Waiting]:
    for row in state.waiting(name):
        reference = row.key.payment_reference
        command = f"klarna24 sync --profile {name} --now"
        if row.in_doubt:
            posted, resend = (problems.resolve_command(name, reference, way) for way in ("posted", "resend"))
            command = f"{posted}, or {resend}"
        elif row.status in {"held", "rejected"} and row.problem:
            command = row.problem.hint
        reason = "seen, not sent yet" if row.status == "ready" else "sent, and the run ended before the answer"
        yield Waiting(row, row.problem.message if row.problem else reason, command)
