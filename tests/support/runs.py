"""One profile's run by its parts: plan() and draft() on a shop's real state and sandbox."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from klarna24.config.loading import load
from klarna24.run.context import RunContext, open_context
from klarna24.run.draft import draft
from klarna24.run.outcome import Outcome, Outcomes
from klarna24.run.plan import plan
from klarna24.state.store import State
from klarna24.twentyfour.sessions import Sessions
from tests.support.shops import Shop


@contextmanager
def run_context(shop: Shop, profile: str = "shop1") -> Iterator[RunContext]:
    """What a run of the profile works with, its state open for writing."""
    config = load(shop.config)
    with closing(State.open(config.state_dir)) as state:
        sessions = Sessions.beside(config.state_dir)
        with open_context(config.profiles[profile], config, state, sessions) as context:
            yield context


def planned(shop: Shop, profile: str = "shop1") -> list[Outcome]:
    """What plan() says of each payout; fails where a fault ended it."""
    with run_context(shop, profile) as context:
        found = plan(context)
        assert not found.fault, found.fault
        return found.outcomes


def drafted(shop: Shop, profile: str = "shop1") -> Outcomes:
    """What became of each payout after plan() and draft()."""
    with run_context(shop, profile) as context:
        return draft(context, plan(context))


def by_reference(outcomes: list[Outcome]) -> dict[str, str]:
    """The status of each payout by its reference."""
    return {outcome.key.payment_reference: outcome.status.value for outcome in outcomes}
