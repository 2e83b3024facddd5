"""Two profiles of one Klarna login that would book the same payouts: neither of them can run."""

import pytest
import tomli_w

from klarna24.config.loading import Config, load
from tests.support.bookkeeping import PROFILE, Json, merged
from tests.support.settings import Settings


def of(settings: Settings, *klarna: Json, over: Json | None = None) -> Config:
    """Profiles a, b, c … with these settings of Klarna; the last one has ``over``, too."""
    profiles = {name: merged(PROFILE, {"klarna": it}) for name, it in zip("abcdef", klarna, strict=False)}
    last = [*profiles][-1]
    profiles[last] = merged(profiles[last], over or {})
    return load(settings.text(tomli_w.dumps({"profiles": profiles})))


@pytest.mark.parametrize(
    ("one", "other", "is_clash"),
    [
        ({}, {}, True),
        ({"merchant_ids": ["M1"]}, {}, True),
        ({}, {"merchant_ids": ["M1"]}, True),
        ({"merchant_ids": ["M1", "M2"]}, {"merchant_ids": ["M3", "M2"]}, True),
        ({"merchant_ids": ["M1"]}, {"merchant_ids": ["M2"]}, False),
        ({"currencies": ["SEK"]}, {"currencies": ["EUR"]}, False),
        ({"currencies": ["SEK"]}, {"merchant_ids": ["M1"]}, True),
        ({"merchant_ids": ["M1"], "currencies": ["SEK"]}, {"merchant_ids": ["M1"], "currencies": ["EUR"]}, False),
        ({"username": "K1"}, {"username": "K2"}, False),
        ({"environment": "playground"}, {}, False),
    ],
)
def test_filters_or_logins_tell_profiles_apart(settings: Settings, one: Json, other: Json, is_clash: bool) -> None:
    for pair in ((one, other), (other, one)):
        config = of(settings, *pair)
        assert list(config.broken) == (["a", "b"] if is_clash else [])
        for name, broken in config.broken.items():
            (problem,) = broken.fault.problems()
            assert f"profiles.{name}: profiles a and b would book the same payouts: give them" in problem.message


def test_the_others_run_and_every_clash_is_told(settings: Settings) -> None:
    config = of(settings, {"merchant_ids": ["M1"]}, {"merchant_ids": ["M2"]}, {"merchant_ids": ["M2", "M3"]}, {})
    assert list(config.profiles) == []
    told = {name: len(it.fault.problems()) for name, it in config.broken.items()}
    assert told == {"a": 1, "b": 2, "c": 2, "d": 3}
    config = of(settings, {"merchant_ids": ["M1"]}, {"merchant_ids": ["M2"]}, {"merchant_ids": ["M2", "M3"]})
    assert (list(config.profiles), list(config.broken)) == (["a"], ["b", "c"])


def test_two_companies_are_named_as_such(settings: Settings) -> None:
    config = of(settings, {}, {}, over={"24sevenoffice": {"client_id": 7}})
    for broken in config.broken.values():
        (problem,) = broken.fault.problems()
        assert "profiles a and b would book the same payouts in two companies: give them" in problem.message
