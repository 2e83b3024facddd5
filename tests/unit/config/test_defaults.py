"""[defaults] in profiles.toml: any key of a profile, for all profiles."""

from datetime import date
from typing import Any

import pytest
import tomli_w

from klarna24.config.loading import Config, load
from klarna24.config.values import Secret
from klarna24.errors import ConfigFault
from tests.support.bookkeeping import PROFILE, Json, merged
from tests.support.settings import EMAIL, Settings, nested

OTHER_MERCHANT = {"klarna": {"merchant_ids": ["M2"]}}


def written(settings: Settings, defaults: Json, *profiles: Json, **top: Any) -> Config:
    """profiles.toml with these defaults and the profiles shop1, shop2 … as they are."""
    tables = {f"shop{number}": table for number, table in enumerate(profiles, start=1)}
    return load(settings.text(tomli_w.dumps({**top, "defaults": defaults, "profiles": tables})))


def faults(config: Config) -> dict[str, list[str]]:
    """What is wrong with each broken profile, without the file and the line."""
    return {
        name: [problem.message.partition(": ")[2] for problem in it.fault.problems()]
        for name, it in config.broken.items()
    }


def test_every_key_may_be_a_default_and_a_profiles_own_key_wins(settings: Settings) -> None:
    own = {"timezone": "Europe/Oslo", "klarna": {"merchant_ids": ["M2"], "username": "K2"}}
    config = written(settings, PROFILE, {}, own)
    one, two = config.profiles.values()
    assert (one.name, one.start_date, one.timezone.key) == ("shop1", date(2026, 1, 1), "Europe/Stockholm")
    assert (two.name, two.timezone.key, two.klarna.username) == ("shop2", "Europe/Oslo", "K2")
    assert (one.klarna.password, two.accounts) == (two.klarna.password, one.accounts), "tables are merged"


@pytest.mark.parametrize("own", [{"file": "/etc/x"}, {"keyring": True}])
def test_the_place_of_a_secret_is_one_value(settings: Settings, own: Json) -> None:
    email = {**EMAIL, "username": "me", "password": {"env": "SHARED"}}
    defaults = {"klarna": {"password": {"env": "SHARED"}}, "notify": {"email": email}}
    profile = merged(
        PROFILE, {"klarna": {"password": {"env": None, **own}}, "notify": {"email": {"password": own}}}
    )
    made = written(settings, defaults, profile).profile("shop1")
    assert made.notify.email
    assert made.notify.email.host == EMAIL["host"]
    for secret in (made.klarna.password, made.notify.email.password):
        assert isinstance(secret, Secret)
        assert secret.source in own


@pytest.mark.parametrize(
    ("default", "own", "counts"),
    [
        ({"A": 1, "other": 2}, {"other": 3}, {"A": 1, "other": 3}),
        ({"A": 1, "other": 2}, 3, {"other": 3}),
        (2, {"A": 1}, {"A": 1}),
        (2, None, {"other": 2}),
        ({"A": 1}, {}, {"A": 1}),
    ],
)
def test_tables_of_accounts_by_detailed_type_are_merged_and_a_number_is_one_value(
    settings: Settings, default: object, own: object, counts: Json
) -> None:
    profile = merged(PROFILE, {"accounts": {"charges": own}})
    config = written(settings, {"accounts": {"charges": default}}, profile)
    assert config.profile("shop1").accounts.charges == counts


@pytest.mark.parametrize(
    ("defaults", "own", "path", "value"),
    [
        ({"frequency": "weekly", "weekday": "friday"}, {"frequency": "daily"}, "weekday", "monday"),
        ({"frequency": "monthly", "day": 5}, {"frequency": "weekly"}, "day", 1),
        (
            {"transfer": "itemised", "references": {"order_id": "ocr"}},
            {"transfer": "lump"},
            "references.order_id",
            None,
        ),
        (
            {"vat": {"mode": "reverse-charge", "rate": 25, "output": 2614, "input": 2645}},
            {"vat": {"mode": "none"}},
            "vat.rate",
            None,
        ),
    ],
)
def test_a_default_that_a_profile_has_no_use_for_is_left_out(
    settings: Settings, defaults: Json, own: Json, path: str, value: object
) -> None:
    """Else a profile could not go its own way: there is no way to take a key back."""
    found: Any = written(settings, defaults, merged(PROFILE, own)).profile("shop1")
    for part in path.split("."):
        found = getattr(found, part)
    assert found == value
    if path != "references.order_id":
        again = merged(own, nested(path, {"weekday": "friday", "day": 5, "vat.rate": 25}[path]))
        assert "shop1" in faults(written(settings, defaults, merged(PROFILE, again))), "its own is a fault still"


@pytest.mark.parametrize(
    ("defaults", "expected"),
    [
        ({"timezone": "Mars"}, ["defaults.timezone: unknown time zone 'Mars'"]),
        ({"timezon": "Europe/Oslo"}, ["defaults.timezon: unknown key; did you mean timezone?"]),
        ({"klarna": {"password": "hush"}}, ["defaults.klarna.password: a secret must not be written"]),
        ({"accounts": {"charges": {"other": 0}}}, ["defaults.accounts.charges.other: too small: the least is 1"]),
        ({"accounts": 5}, ["defaults.accounts: not a table: write its settings below [defaults.accounts]"]),
        (
            {"vat": {"mode": "reverse-charge", "rate": 25}},
            ['defaults.vat: mode = "reverse-charge" needs output, input as well'],
        ),
        (
            {"day": 99, "weekday": "friday"},
            ["defaults.day: too large: the most is 31", "defaults.weekday: weekday"],
        ),
    ],
)
def test_a_fault_in_the_defaults_is_told_once_and_stops_all(
    settings: Settings, defaults: Json, expected: list[str]
) -> None:
    plain = {key: value for key, value in PROFILE.items() if key != "timezone" or "timezone" not in defaults}
    if "klarna" in defaults:
        plain = merged(plain, {"klarna": {"password": None}})
    if defaults.get("accounts") == 5:
        plain = merged(plain, {"accounts": None})
    with pytest.raises(ConfigFault) as caught:
        written(settings, defaults, plain, merged(plain, OTHER_MERCHANT))
    told = [problem.message for problem in caught.value.problems()]
    assert len(told) == len(expected), told
    for message, part in zip(told, expected, strict=True):
        assert part in message


def test_the_defaults_are_a_table(settings: Settings) -> None:
    with pytest.raises(ConfigFault) as caught:
        load(settings.text("defaults = 5\n" + settings.write().read_text()))
    (problem,) = caught.value.problems()
    assert (
        problem.message == f"{settings.path}, line 1: defaults: not a table: write its settings below [defaults]"
    )


def test_a_default_that_only_some_profiles_complete_stops_the_others(settings: Settings) -> None:
    defaults = {"vat": {"mode": "reverse-charge", "rate": 25, "output": 2614}}
    whole = merged(PROFILE, {"vat": {"input": 2645}})
    config = written(settings, defaults, whole, merged(PROFILE, OTHER_MERCHANT))
    assert list(config.profiles) == ["shop1"]
    assert faults(config) == {"shop2": ['defaults.vat: mode = "reverse-charge" needs input as well']}


def test_the_language_of_the_defaults_is_that_of_a_broken_profile(settings: Settings) -> None:
    broken = merged(PROFILE, {"timezone": "Mars"})
    assert written(settings, {"language": "sv"}, broken).broken["shop1"].language == "sv"
    assert written(settings, {"language": "sv"}, {**broken, "language": "nb"}).broken["shop1"].language == "nb"
    assert written(settings, {}, {**broken, "language": "no"}).broken["shop1"].language == "en"
