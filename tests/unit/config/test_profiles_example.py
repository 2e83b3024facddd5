"""profiles.example.toml: valid as it stands and with every setting in use, and it contains every key."""

import re
import tomllib
from typing import Any

import pytest

from klarna24.config.file import File
from klarna24.config.loading import load
from klarna24.config.tables import Klarna, Profile, TwentyFour, VoucherSettings
from klarna24.config.values import SECRET_SOURCES, Table
from tests.support.bookkeeping import Json
from tests.support.settings import ALL_IN_USE, EXAMPLE, Settings, keys


def given(raw: Json, path: str = "") -> set[str]:
    """The dotted paths of a TOML document's keys, those of tables and of values."""
    found = set()
    for key, value in raw.items():
        found |= {f"{path}{key}"} | (given(value, f"{path}{key}.") if isinstance(value, dict) else set())
    return found


def test_the_example_is_valid_as_it_stands(settings: Settings) -> None:
    config = load(settings.text(EXAMPLE))
    profile = config.profile("shop1")
    default = settings.profile()
    assert profile.voucher == default.voucher
    assert (profile.frequency, profile.transfer) == (default.frequency, default.transfer)
    assert (profile.klarna.url, config.notify.email) == ("https://api.klarna.com", None)


@pytest.mark.parametrize(
    ("frequency", "left_out"), [("weekly", "day"), ("monthly", "weekday"), ("daily", "weekday|day")]
)
@pytest.mark.parametrize("transfer", ["itemised", "itemised-fees"])
def test_the_example_is_valid_with_every_setting_in_use(
    settings: Settings, frequency: str, left_out: str, transfer: str
) -> None:
    """But for those that exclude each other: weekday and day, references with lump, and two references as OCR."""
    text, count = re.subn(rf"(?m)^({left_out}|merchant_reference2) = .*\n", "", ALL_IN_USE)
    names = left_out.split("|")
    assert count == len(names) + 1 + ("day" in names)  # [report] has a day as well
    text = text.replace('frequency = "daily"', f'frequency = "{frequency}"')
    text = text.replace('transfer = "lump"', f'transfer = "{transfer}"')
    config = load(settings.text(text))
    profile = config.profile("shop1")
    assert (profile.frequency, profile.transfer) == (frequency, transfer)
    assert len(profile.references.by_target()) == 3
    assert config.notify.email


def test_the_example_has_every_key() -> None:
    own_notify = {key for key in keys(File) if key.startswith("profiles.shop1.notify.")}  # as [notify.email]
    assert own_notify
    assert set(keys(File)) - own_notify - given(tomllib.loads(ALL_IN_USE)) == set()


def test_a_setting_that_the_example_leaves_out_has_its_default_where_there_is_one() -> None:
    """Using it changes nothing then."""
    full, plain = (tomllib.loads(text)["profiles"]["shop1"] for text in (ALL_IN_USE, EXAMPLE))
    tables: list[tuple[type[Table], Json, Json]] = [(Profile, full, plain)]
    tables += [(Klarna, full["klarna"], plain["klarna"]), (VoucherSettings, full["voucher"], plain["voucher"])]
    tables.append((TwentyFour, full["24sevenoffice"], plain["24sevenoffice"]))
    compared: dict[str, Any] = {}
    for table, raw, used in tables:
        for name, field in table.model_fields.items():
            key = field.alias or name
            if key in raw and key not in used and isinstance(field.default, str | int):
                assert raw[key] == field.default, key
                compared[key] = field.default
    assert len(compared) == 12


def test_the_examples_of_the_five_secret_sources_are_valid(settings: Settings) -> None:
    comments = "\n".join(line for line in EXAMPLE.splitlines() if line.startswith("##"))
    examples = re.findall(rf"(\{{ ({'|'.join(SECRET_SOURCES)}) = .*? \}})", comments)
    assert {source for _, source in examples} == set(SECRET_SOURCES)
    for example, source in examples:
        raw = tomllib.loads(f"password = {example}")["password"]
        secret = settings.profile({"klarna": {"password": {"env": None, **raw}}}).klarna.password
        assert secret.source == source


def test_the_example_is_written_in_one_convention() -> None:
    """Blank lines, tables, settings, "# " and one of these, or "##" and prose: uncommenting is mechanical."""
    line = re.compile(r"|(# )?(\[[\w.]+\]|[\w]+ = .+)|##( .+)?")
    assert [text for text in EXAMPLE.splitlines() if not line.fullmatch(text)] == []
