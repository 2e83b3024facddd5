"""Whose a payout is that two profiles see: it is booked by one of them alone."""

from klarna24.config.loading import Config
from klarna24.config.tables import Profile, disjoint
from klarna24.errors import ConfigFault
from klarna24.state.records import Row
from klarna24.text.sentences import sentence


def refuse_claimed(config: Config, profile: Profile, record: Row) -> None:
    """Raises ConfigFault where the payout is of another profile that is there and covers it."""
    if record.profile in config.broken:
        raise ConfigFault(
            sentence(
                "payout {reference} belongs to profile {other}, which has faults in profiles.toml",
                reference=record.key.payment_reference,
                other=record.profile,
            ),
            sentence("correct them first: {command}", command=f"klarna24 check --profile {record.profile}"),
            record.key.payment_reference,
        )
    other = config.profiles.get(record.profile)
    if other is not None and other.name != profile.name and not disjoint(other.klarna, profile.klarna):
        raise ConfigFault(
            sentence(
                "payout {reference} belongs to profile {other}, and profile {profile} sees it too: both would "
                "book it",
                reference=record.key.payment_reference,
                other=record.profile,
                profile=profile.name,
            ),
            sentence("give the two different currencies or merchant_ids, or remove one"),
            record.key.payment_reference,
        )
