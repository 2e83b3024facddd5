"""Do two profiles see the same payouts? What profiles.toml alone cannot tell: two user names of one merchant."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime

from klarna24.bookkeeping.payout import Listed
from klarna24.check.result import Check, failed
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.errors import ConfigFault
from klarna24.run.claims import refuse_claimed
from klarna24.run.plan import OVERLAP
from klarna24.state.records import Owner
from klarna24.state.store import State


def check_claims(profile: Profile, config: Config, payouts: Iterable[Listed]) -> Iterator[Check]:
    """Fails where a run would, because a payout that it lists again is another profile's. Yields nothing else."""
    today = datetime.now(profile.timezone).date()
    first = max(profile.start_date, today - OVERLAP)
    try:
        with closing(State.for_reading(config.state)) as state:
            for payout in payouts:
                is_listed = payout.payout_date and payout.payout_date.astimezone(profile.timezone).date() >= first
                if is_listed and (record := state.row(Owner.of(profile), payout.key)):
                    refuse_claimed(config, profile, record)
    except ConfigFault as fault:
        yield failed("klarna.merchant_ids", fault)
