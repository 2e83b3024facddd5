"""profiles.toml: read whole, every fault at once with its path, and nothing guessed."""

import os
import re
import tomllib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, get_args

import pytest
import tomli_w

from klarna24.config.folders import default_path
from klarna24.config.loading import Config, load, rescued
from klarna24.config.tables import WARNINGS, File, Klarna, Profile, Table, TwentyFour, VoucherSettings
from klarna24.config.values import SECRET_SOURCES, Secret
from klarna24.errors import ConfigFault
from tests.support.bookkeeping import NOBODY, PROFILE, Json, merged
from tests.support.shops import OpenShop, Shop

EXAMPLE = Path(__file__).parent.parent / "profiles.example.toml"
EMAIL = {"host": "smtp.example.com", "from": "klarna24@shop1.se", "to": ["accounts@shop1.se"]}


class Settings:
    """Writes a profiles.toml and loads it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "profiles.toml"

    def text(self, text: str | bytes) -> Path:
        self.path.write_bytes(text.encode() if isinstance(text, str) else text)
        self.path.chmod(0o600)
        return self.path

    def write(self, over: Json | None = None, top: Json | None = None, name: str = "shop1") -> Path:
        """Profile ``name`` with ``over`` merged in, the file with ``top``; None takes a key away."""
        return self.text(tomli_w.dumps(merged({"profiles": {name: merged(PROFILE, over or {})}}, top or {})))

    def load(self, over: Json | None = None, top: Json | None = None, name: str = "shop1") -> Config:
        return load(self.write(over, top, name))

    def profile(self, over: Json | None = None) -> Profile:
        return self.load(over).profile("shop1")

    def faults(self, over: Json | None = None, top: Json | None = None, name: str = "shop1") -> list[str]:
        """The faults, without the file's path (which each must begin with)."""
        with pytest.raises(ConfigFault) as caught:
            self.load(over, top, name)
        faults = [problem.message for problem in caught.value.problems()]
        assert all(fault.startswith(f"{self.path}: ") for fault in faults), faults
        return [fault.removeprefix(f"{self.path}: ") for fault in faults]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path)


def nested(path: str, value: Any) -> Json:
    """``a.b`` and a value as ``{"a": {"b": value}}``."""
    for part in reversed(path.split(".")):
        value = {part: value}
    return dict(value)


# What may be left out, and what may not


def test_defaults(settings: Settings) -> None:
    profile = settings.profile({"accounts": {"fees": None, "fees_vat": None}})
    assert profile.name == "shop1"
    assert (profile.frequency, profile.weekday, profile.day, profile.transfer) == ("daily", "monday", 1, "lump")
    klarna = profile.klarna
    assert (klarna.region, klarna.environment, klarna.currencies, klarna.merchant_ids, klarna.base_url) == (
        *("europe", "live"),
        *(None, None, None),
    )
    assert profile.twentyfour.base_url is None
    assert profile.voucher.model_dump() == {
        "type": "Diverse",
        "department_id": None,
        "project_id": None,
        "customer_id": None,
        "supplier_id": None,
        "ledger_accounts": [],
        "ignore_warnings": [],
        "transaction_no": "none",
        "fiscal_year": None,
        "foreign_currency": "hold",
        "max_entries": 20_000,
    }
    assert dict(profile.accounts.named()) == {"payout": 1930, "receivable": 1580}
    assert profile.references.by_target() == {}
    assert profile.notify.email is None


def test_defaults_of_email(settings: Settings) -> None:
    email = settings.load(top={"notify": {"email": EMAIL}}).notify.email
    assert email is not None
    assert (email.port, email.security, email.username, email.password) == (587, "starttls", None, None)
    assert (email.sender, email.to) == ("klarna24@shop1.se", ["accounts@shop1.se"])


def test_a_profile_may_have_its_own_email(settings: Settings) -> None:
    loaded = settings.load({"notify": {"email": {**EMAIL, "host": "mail.shop1.se"}}}, {"notify": {"email": EMAIL}})
    own = loaded.profile("shop1").notify.email
    assert own
    assert loaded.notify.email
    assert (own.host, loaded.notify.email.host) == ("mail.shop1.se", "smtp.example.com")


@pytest.mark.parametrize(
    "key",
    [
        *("start_date", "timezone", "klarna", "24sevenoffice", "accounts"),
        *("klarna.username", "klarna.password", "24sevenoffice.username", "24sevenoffice.password"),
        *("24sevenoffice.application_id", "24sevenoffice.identity_id", "24sevenoffice.client_id"),
        *("accounts.payout", "accounts.receivable"),
    ],
)
def test_required(settings: Settings, key: str) -> None:
    assert settings.faults(nested(key, None)) == [f"profiles.shop1.{key}: missing"]


@pytest.mark.parametrize("key", ["host", "from", "to"])
def test_required_of_email(settings: Settings, key: str) -> None:
    email = {"notify": {"email": merged(EMAIL, {key: None})}}
    assert settings.faults(top=email) == [f"notify.email.{key}: missing"]
    assert settings.faults(email) == [f"profiles.shop1.notify.email.{key}: missing"]


# All at once


def test_all_faults_are_listed_at_once_each_with_its_path(settings: Settings) -> None:
    wrong = {
        "start_date": "soon",
        "timezone": "Mars/Olympus",
        "frequency": "hourly",
        "klarna": {"region": "mars", "password": "hemligt", "base_url": "http://api.kustom.co"},
        "24sevenoffice": {"client_id": "1", "identity_id": None},
        "voucher": {"departement_id": 10},
        "accounts": {"payout": 0, "receivable": None, "charges": {"DISPUTE_FEE": "x"}},
        "references": {"order_id": "invoice"},
        "surprise": 1,
    }
    top = {
        "state_dir": 5,
        "colour": "red",
        "notify": {"email": {**EMAIL, "port": 0}},
        "profiles": {"Shop2": merged(PROFILE, {"transfer": "all"}), "shop3": 3},
    }
    faults = settings.faults(wrong, top)
    assert sorted(fault.partition(": ")[0] for fault in faults) == sorted(
        [
            "state_dir",
            "colour",
            "notify.email.port",
            "profiles.Shop2",
            "profiles.Shop2.transfer",
            "profiles.shop3",
            "profiles.shop1.start_date",
            "profiles.shop1.timezone",
            "profiles.shop1.frequency",
            "profiles.shop1.klarna.region",
            "profiles.shop1.klarna.password",
            "profiles.shop1.klarna.base_url",
            "profiles.shop1.24sevenoffice.client_id",
            "profiles.shop1.24sevenoffice.identity_id",
            "profiles.shop1.voucher.departement_id",
            "profiles.shop1.accounts.payout",
            "profiles.shop1.accounts.receivable",
            "profiles.shop1.accounts.charges.DISPUTE_FEE",
            "profiles.shop1.references.order_id",
            "profiles.shop1.surprise",
        ]
    )
    assert all("\n" not in fault for fault in faults)


@pytest.mark.parametrize(
    ("table", "wrong", "right"),
    [
        ("", "state_dri", "state_dir"),
        ("", "notfy", "notify"),
        ("notify", "e-mail", "email"),
        ("notify.email", "hots", "host"),
        ("profiles.shop1", "start-date", "start_date"),
        ("profiles.shop1", "24sevenofice", "24sevenoffice"),
        ("profiles.shop1", "twentyfour", None),  # our own word for it is not a key
        ("profiles.shop1.klarna", "user_name", "username"),
        ("profiles.shop1.24sevenoffice", "client", "client_id"),
        ("profiles.shop1.voucher", "departement_id", "department_id"),
        ("profiles.shop1.accounts", "fee", "fees"),
        ("profiles.shop1.references", "order", "order_id"),
        ("profiles.shop1.notify", "mail", "email"),
        ("profiles.shop1.notify.email", "form", "from"),
        ("profiles.shop1.notify.email", "sender", None),
        ("profiles.shop1.klarna", "xyz", None),
        ("profiles.notify.klarna", "regon", "region"),  # profiles with the names of other tables
        ("profiles.profiles.klarna", "regon", "region"),
        ("profiles.klarna", "timezon", "timezone"),
        ("profiles.shop1", "[key]", None),
    ],
)
def test_an_unknown_key_is_a_fault_with_the_nearest_known_key(
    settings: Settings, table: str, wrong: str, right: str | None
) -> None:
    name = match[1] if (match := re.match(r"profiles\.(\w+)", table)) else "shop1"
    mail = {"notify": {"email": EMAIL}}
    path = f"{table}.{wrong}" if table else wrong
    top = merged(merged(mail, {"profiles": {name: mail}}), nested(path, 1))
    expected = f"{path}: unknown key" + (f"; did you mean {right}?" if right else "")
    assert settings.faults(top=top, name=name) == [expected]


@pytest.mark.parametrize("name", ["../x", "Shop1", "a" * 41, "", "-a", "_a", "å", "a b", "a.b", "a/b", "a\n"])
def test_a_profiles_name_that_is_none(settings: Settings, name: str) -> None:
    (fault,) = settings.faults(name=name)
    assert f"{name!r} is no profile name: lower-case letters, digits, - and _, at most 40" in fault


@pytest.mark.parametrize("name", ["a", "0", "a" * 40, "shop-1_b", "notify", "profiles", "24sevenoffice"])
def test_a_profiles_name(settings: Settings, name: str) -> None:
    assert settings.load(name=name).profile(name).name == name


@pytest.mark.parametrize("text", ["", "# nothing\n", "[profiles]\n", "profiles = {}\n"])
def test_a_file_without_a_profile(settings: Settings, text: str) -> None:
    with pytest.raises(ConfigFault) as caught:
        load(settings.text(text))
    (problem,) = caught.value.problems()
    assert problem.message.startswith(f"{settings.path}: profiles: ")


# Values


WRONG_VALUES: dict[str, list[Any]] = {
    "start_date": [20261124, "2026-11-24", datetime(2026, 11, 24, tzinfo=UTC), True, time(9, 30), [], 2026.1124],
    "timezone": [
        "Mars/Olympus",
        "",
        " ",
        "Europe",
        "../../etc/passwd",
        "/etc/localtime",
        "Europe/Oslo\0",
        1,
        True,
    ],
    "frequency": ["hourly", "Daily", "", 1, True],
    "transfer": ["yes", "itemized", False, 0],
    "klarna": ["K123", 5, True, []],
    "klarna.region": ["eu", "Europe", True],
    "klarna.environment": ["test", False],
    "klarna.username": ["", 5, True, "a\nb", "a\x1bb"],
    "klarna.currencies": [[], "SEK", True],
    "klarna.currencies.0": [["sek"], ["SEKS"], ["kr"], [752]],
    "klarna.merchant_ids": [[], "N100198", {"a": 1}],
    "klarna.merchant_ids.0": [[100198], [""], ["a\nb"]],
    "24sevenoffice.application_id": ["", "x", NOBODY[1:], f"{{{NOBODY}}}", NOBODY + "\n", 5],
    "24sevenoffice.identity_id": ["me", NOBODY.replace("-", ""), False],
    "24sevenoffice.client_id": [0, -1, "1234567", True, 1.0, 2**63, 10**30],
    "voucher": ["Diverse", 9, []],
    "voucher.type": ["", "  ", True, 9.0, [], date(2026, 1, 1)],
    "voucher.department_id": [0, -1, "10", True, 10.0, 2**31],
    "voucher.project_id": [0, "7", True, 10**30],
    "voucher.customer_id": [0, "1001", True, 2**31],
    "voucher.supplier_id": [0, "1002", True, 2**31],
    "voucher.ledger_accounts": [1535, "1535", True],
    "voucher.ledger_accounts.0": [["1535"], [0], [True], [32768]],
    "voucher.ignore_warnings": ["all", True],
    "voucher.ignore_warnings.0": [["all"], [""], [1]],
    "voucher.transaction_no": ["yes", 1, True],
    "voucher.fiscal_year": ["yes", "", 2026, True],
    "voucher.foreign_currency": ["yes", "book", True],
    "voucher.max_entries": [1, 0, "20000", True, 2.0],
    "accounts": [1930, "1930", [1930]],
    "accounts.payout": [0, -1, 32768, "1930", True, 1930.0, 10**30, [1930], {}],
    "accounts.fees": ["yes", True, date(2026, 11, 24)],
    "accounts.charges": [True, "6990", 6990.0, [6990]],
    "accounts.charges.other": [0, 32768, {"other": "6990"}, {"other": True}],
    "accounts.credits.LOAN_PAYOUT": [{"LOAN_PAYOUT": 0}, {"LOAN_PAYOUT": {}}],
    "notify": ["me@shop1.se", True],
    "notify.email": ["me@shop1.se", []],
    "notify.email.host": ["", 5, "a\r\nb"],
    "notify.email.port": [True, 0, -1, 65536, "587", 587.0, 10**30],
    "notify.email.security": ["ssl", True, ""],
    "notify.email.username": ["", 5],
    "notify.email.from": ["klarna24", "a@b\nBcc: c@d", "a b@c", 5, ""],
    "notify.email.to": [[], "accounts@shop1.se", True],
    "notify.email.to.0": [["accounts"], [5], ["a@b\r\nBcc: c@d"], ["a@b, c@d"]],
    "notify.heartbeat": ["https://hc-ping.com/3f0c", []],
    "notify.heartbeat.url": [
        *(5, "", True, "hc-ping.com/3f0c", "ftp://hc-ping.com/3f0c", "https://hc-ping.com"),
        *("http://hc-ping.com/3f0c", "https://me@hc-ping.com/3f0c", "https://hc-ping.com/3f0c?rid=1"),
        *("https://hc-ping.com/3f0c#a", "https://hc-ping.com/a b", "https://hc-ping.com/a\nb", "https:///3f0c"),
    ],
    "language": ["no", "SV", "", True, ["sv"]],
    "expect_payout_within_days": [0, -1, 367, "14", True, 14.0],
}


@pytest.mark.parametrize("path", WRONG_VALUES)
def test_a_value_of_the_wrong_kind_or_size_is_a_fault_at_its_path(settings: Settings, path: str) -> None:
    """No value is turned into another kind: not "1" into 1, not true into 1, not a number into a date."""
    key = re.sub(r"\.(0|other|LOAN_PAYOUT)$", "", path)
    for value in WRONG_VALUES[path]:
        over = merged({"notify": {"email": EMAIL}} if "email." in path else {}, {})
        faults = settings.faults(merged(over, nested(key, value)))
        assert [fault.partition(": ")[0] for fault in faults] == [f"profiles.shop1.{path}"], (value, faults)


def test_every_setting_has_a_wrong_value() -> None:
    """The table above keeps up with the model, but for what has tests of its own, and accounts like the others."""
    elsewhere = {path for path in keys(Profile) if path.endswith(("password", "base_url"))}
    elsewhere |= {path for path in keys(Profile) if path.startswith(("references.", "accounts."))}
    assert set(keys(Profile)) - set(WRONG_VALUES) - elsewhere == {*("weekday", "day", "24sevenoffice.username")}


@pytest.mark.parametrize("url", ["https://hc-ping.com/3f0c", "https://hc.example.com:8443/ping/key/my-shop/"])
def test_a_heartbeat_is_an_address_with_a_path(settings: Settings, url: str) -> None:
    heartbeat = settings.profile({"notify": {"heartbeat": {"url": url}}}).notify.heartbeat
    assert heartbeat
    assert heartbeat.url == url.rstrip("/")


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_heartbeat_on_this_machine_may_be_plain(settings: Settings, host: str) -> None:
    assert settings.profile({"notify": {"heartbeat": {"url": f"http://{host}:8000/ping/3f0c"}}})


LOGINS: dict[str, tuple[Json, str]] = {
    "no password": ({"username": "me"}, "a username without a password"),
    "no username": ({"password": {"env": "SMTP"}}, "a password without a username"),
    "in the clear": (
        {"username": "me", "password": {"env": "SMTP"}, "security": "none"},
        "would send the password in the clear",
    ),
}


@pytest.mark.parametrize("what", LOGINS)
def test_a_login_at_the_mail_server_is_whole_and_never_in_the_clear(settings: Settings, what: str) -> None:
    over, says = LOGINS[what]
    (fault,) = settings.faults(top={"notify": {"email": {**EMAIL, **over}}})
    assert fault.startswith("notify.email: ")
    assert says in fault


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_login_in_the_clear_stays_on_this_machine(settings: Settings, host: str) -> None:
    login = {"username": "me", "password": {"env": "SMTP"}, "security": "none", "host": host}
    assert settings.load(top={"notify": {"email": {**EMAIL, **login}}}).notify.email


def test_a_file_with_faults_still_says_whom_to_tell(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ConfigFault):
        settings.load({"timezone": "Nowhere"}, {"notify": {"email": EMAIL}, "state_dir": str(tmp_path / "state")})
    found = rescued(settings.path)
    assert found
    assert found.notify.email
    assert (rescued.notify.email.host, rescued.state_dir) == ("smtp.example.com", tmp_path / "state")


@pytest.mark.parametrize(
    "text", ["", "not toml", '[notify.email]\nhost = "x"', "[notify]\nemail = 5", 'notify = "me"', "state_dir = 5"]
)
def test_a_file_that_says_nothing_of_use_ends_well(settings: Settings, text: str) -> None:
    found = rescued(settings.text(text))
    assert found is None or (found.notify.email, found.notify.heartbeat) == (None, None)


def test_a_file_that_others_can_write_is_not_trusted_with_addresses(settings: Settings) -> None:
    path = settings.text("[notify.email]\nhost = 'x'\nfrom = 'a@b'\nto = ['c@d']")
    assert found(path)
    path.chmod(0o666)
    assert found(path) is None


@pytest.mark.parametrize("value", [5, "", True, "a\0b", "a\nb", []])
def test_a_wrong_state_dir(settings: Settings, value: object) -> None:
    (fault,) = settings.faults(top={"state_dir": value})
    assert fault.startswith("state_dir: ")


@pytest.mark.parametrize("value", ["Diverse", 9, "9", 0, "Övrigt & annat"])
def test_a_voucher_type_is_a_title_or_a_number(settings: Settings, value: object) -> None:
    assert settings.profile({"voucher": {"type": value}}).voucher.type == value


def test_bounds_are_allowed(settings: Settings) -> None:
    profile = settings.profile(
        {
            "24sevenoffice": {"client_id": 2**63 - 1, "identity_id": "ABCDEFab-0000-0000-0000-000000000000"},
            "voucher": {"department_id": 2**31 - 1, "max_entries": 2, "ignore_warnings": list(WARNINGS)},
            "accounts": {"payout": 1, "receivable": 32767},
        }
    )
    assert profile.voucher.ignore_warnings == list(WARNINGS)


def test_a_date_in_quotes_is_told_how_to_write_it(settings: Settings) -> None:
    (fault,) = settings.faults({"start_date": "2026-11-24"})
    assert fault.endswith("without quotes and time, as in 2026-11-24")


def test_charges_and_credits_are_a_number_or_numbers_by_detailed_type(settings: Settings) -> None:
    profile = settings.profile(
        {"accounts": {"charges": 6990, "credits": {"DISPUTE_FEE_REFUND": 6064, "other": 3990}}}
    )
    assert profile.accounts.charges == {"other": 6990}
    assert profile.accounts.credits == {"DISPUTE_FEE_REFUND": 6064, "other": 3990}


# How often


@pytest.mark.parametrize(
    ("frequency", "key", "value", "needs"),
    [
        ("daily", "weekday", "monday", "weekly"),
        (None, "weekday", "friday", "weekly"),
        ("monthly", "weekday", "friday", "weekly"),
        ("daily", "day", 1, "monthly"),
        (None, "day", 15, "monthly"),
        ("weekly", "day", 15, "monthly"),
    ],
)
def test_weekday_and_day_go_with_one_frequency(
    settings: Settings, frequency: str | None, key: str, value: object, needs: str
) -> None:
    over = {"frequency": frequency, key: value}
    assert settings.faults(over) == [f'profiles.shop1.{key}: {key} goes with frequency = "{needs}"']
    assert getattr(settings.profile({"frequency": needs, key: value}), key) == value


@pytest.mark.parametrize(
    ("frequency", "key", "value"),
    [
        *(("weekly", "weekday", value) for value in ("Monday", "mon", "måndag", 1, True)),
        *(("monthly", "day", value) for value in (0, 32, -1, "1", True, 1.0, date(2026, 11, 1))),
    ],
)
def test_a_wrong_weekday_or_day(settings: Settings, frequency: str, key: str, value: object) -> None:
    (fault,) = settings.faults({"frequency": frequency, key: value})
    assert fault.startswith(f"profiles.shop1.{key}: ")


# References


@pytest.mark.parametrize("target", ["comment", "invoice_no", "ocr"])
def test_a_field_takes_only_one_reference(settings: Settings, target: str) -> None:
    twice = {"transfer": "itemised", "references": {"order_id": target, "merchant_reference2": target}}
    (fault,) = settings.faults(twice)
    assert fault.startswith(f'profiles.shop1.references: "{target}" is given to more than one reference')
    assert settings.faults(merged(twice, {"references": {"merchant_reference1": target}})) == [fault]


@pytest.mark.parametrize("transfer", ["lump", None])
def test_references_do_not_go_with_lump(settings: Settings, transfer: str | None) -> None:
    (fault,) = settings.faults({"transfer": transfer, "references": {"order_id": "comment"}})
    assert fault.startswith('profiles.shop1.references: references go with transfer = "itemised"')


@pytest.mark.parametrize("transfer", ["itemised", "itemised-fees"])
def test_references_go_with_rows(settings: Settings, transfer: str) -> None:
    references = {"order_id": "ocr", "merchant_reference1": "invoice_no", "merchant_reference2": "comment"}
    profile = settings.profile({"transfer": transfer, "references": references})
    assert profile.references.by_target() == {target: field for field, target in references.items()}


@pytest.mark.parametrize("value", ["invoice", "OCR", 1, True, ["ocr"]])
def test_a_reference_goes_to_a_field_that_exists(settings: Settings, value: object) -> None:
    (fault,) = settings.faults({"transfer": "itemised", "references": {"order_id": value}})
    assert fault.startswith("profiles.shop1.references.order_id: ")


# Secrets


@pytest.mark.parametrize("path", ["klarna.password", "24sevenoffice.password", "notify.email.password"])
def test_a_secret_as_text_is_refused_names_the_ways_and_is_never_shown(settings: Settings, path: str) -> None:
    over = merged({"notify": {"email": EMAIL}}, nested(path, None))
    (fault,) = settings.faults(merged(over, nested(path, "hemligt")))
    assert fault.startswith(f"profiles.shop1.{path}: a secret does not stand in this file as text: ")
    assert all(f"{{ {source} = " in fault for source in ("env", "file", "command", "systemd", "keyring"))
    assert "hemligt" not in fault


@pytest.mark.parametrize(
    ("raw", "secret"),
    [
        ({"env": "SHOP1"}, Secret("env", "SHOP1")),
        ({"file": "/etc/klarna24/shop1"}, Secret("file", "/etc/klarna24/shop1")),
        ({"command": ["pass", "show", "a b"]}, Secret("command", ("pass", "show", "a b"))),
        ({"command": ["sh", "-c", "a\nb", ""]}, Secret("command", ("sh", "-c", "a\nb", ""))),
        ({"systemd": "shop1"}, Secret("systemd", "shop1")),
        ({"keyring": True}, Secret("keyring")),
    ],
)
def test_the_five_sources_of_a_secret(settings: Settings, raw: Json, secret: Secret) -> None:
    assert settings.profile({"klarna": {"password": {"env": None, **raw}}}).klarna.password == secret


@pytest.mark.parametrize(
    "raw",
    [
        *({}, [], 5, True, [{"env": "X"}], date(2026, 11, 24)),
        *({"evn": "X"}, {"ENV": "X"}, {"env": "X", "file": "/x"}, {"keyring": True, "env": "X"}),
        *({"env": ""}, {"env": "  "}, {"env": 5}, {"env": True}, {"env": ["X"]}, {"env": "X\0"}),
        *({"file": ""}, {"file": True}, {"file": ["/x"]}, {"file": "/x\0"}),
        *({"command": "pass show x"}, {"command": []}, {"command": ""}, {"command": [""]}, {"command": ["a", 5]}),
        *({"command": ["a", True]}, {"command": [["a"]]}, {"command": ["a", "b\0"]}, {"command": {"a": "b"}}),
        *({"systemd": ""}, {"systemd": True}, {"systemd": "../x"}, {"systemd": "/etc/passwd"}, {"systemd": "x\0"}),
        *({"keyring": False}, {"keyring": "true"}, {"keyring": 1}, {"keyring": {}}, {"keyring": "shop1"}),
    ],
    ids=str,
)
def test_what_is_no_source_of_a_secret(settings: Settings, raw: object) -> None:
    over = {"24sevenoffice": {"password": raw if not isinstance(raw, dict) else {"env": None, **raw}}}
    (fault,) = settings.faults(over)
    assert fault.startswith("profiles.shop1.24sevenoffice.password: ")


# Addresses


@pytest.mark.parametrize("table", ["klarna", "24sevenoffice"])
@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://api.kustom.co", "plain http would send the password in the clear"),
        ("HTTP://api.kustom.co", "plain http"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("http://localhost.example.com:80", "plain http"),
        ("http://10.0.0.1", "plain http"),
        ("http://[2001:db8::1]", "plain http"),
        ("http://2130706433", "plain http"),
        ("https://127.0.0.1@example.com", "no user"),
        ("https://user:word@example.com", "no user"),
        ("https://example.com/settlements", "no path"),
        ("https://example.com?a=b", "no query"),
        ("https://example.com#a", "no query"),
        ("https://example.com?", "nothing else"),
        ("https://example.com#", "nothing else"),
        (" https://example.com", "nothing else"),
        ("https://exa mple.com", "nothing else"),
        ("https://exam\tple.com", "nothing else"),
        ("https://example.com\\x", "nothing else"),
        ("https://example.com:0", "scheme and host"),
        ("https://example.com:65536", "not an address"),
        ("https://example.com:port", "not an address"),
        ("https://[::1", "not an address"),
        ("https://", "scheme and host"),
        ("example.com", "scheme and host"),
        ("ftp://example.com", "scheme and host"),
        ("file:///etc/passwd", "scheme and host"),
        ("", "scheme and host"),
        (5, "as text"),
        (True, "as text"),
    ],
)
def test_an_address_that_is_refused(settings: Settings, table: str, address: object, says: str) -> None:
    (fault,) = settings.faults({table: {"base_url": address}})
    assert fault.startswith(f"profiles.shop1.{table}.base_url: ")
    assert says in fault
    assert "word" not in fault.replace("password", "")


@pytest.mark.parametrize(
    "address",
    [
        *("https://api.kustom.co", "https://example.com:8443", "https://räksmörgås.se", "https://10.0.0.1"),
        *(
            "http://127.0.0.1:8024",
            "http://127.9.9.9",
            "http://localhost:1",
            "http://LOCALHOST",
            "http://[::1]:8024",
        ),
    ],
)
def test_an_address(settings: Settings, address: str) -> None:
    profile = settings.profile({"klarna": {"base_url": address + "/"}, "24sevenoffice": {"base_url": address}})
    assert profile.klarna.url == address
    assert profile.twentyfour.base_url == address


# Ledger accounts


@pytest.mark.parametrize(
    ("account_no", "key"),
    [
        *((1499, None), (1500, "customer_id"), (1529, "customer_id"), (1530, None)),
        *((2399, None), (2400, "supplier_id"), (2429, "supplier_id"), (2430, None)),
    ],
)
@pytest.mark.parametrize("path", ["payout", "receivable", "fees", "debt", "charges.DISPUTE_FEE"])
def test_an_account_on_a_ledger_needs_its_party(
    settings: Settings, path: str, account_no: int, key: str | None
) -> None:
    over = {"accounts": nested(path, account_no)}
    if key is None:
        assert settings.load(over)
        return
    (fault,) = settings.faults(over)
    assert fault.startswith(f"profiles.shop1.accounts: {path} = {account_no} is a ledger account: add {key} = ")
    other = {"customer_id": "supplier_id", "supplier_id": "customer_id"}[key]
    assert settings.faults(merged(over, {"voucher": {other: 1001}})) == [fault]
    assert settings.profile(merged(over, {"voucher": {key: 1001}})).voucher.party(account_no) == 1001


def test_ledger_accounts_are_the_customers(settings: Settings) -> None:
    over = {"accounts": {"receivable": 1535}, "voucher": {"ledger_accounts": [1535]}}
    (fault,) = settings.faults(over)
    assert "receivable = 1535" in fault
    assert "customer_id" in fault
    voucher = settings.profile(merged(over, {"voucher": {"customer_id": 1001}})).voucher
    assert (voucher.party(1535), voucher.party(1930)) == (1001, None)


def test_all_ledger_accounts_are_named_at_once(settings: Settings) -> None:
    (fault,) = settings.faults({"accounts": {"payout": 1510, "receivable": 1520, "debt": 2410}})
    assert "payout = 1510, receivable = 1520 are ledger accounts: add customer_id" in fault
    assert "debt = 2410 is a ledger account: add supplier_id" in fault


# The file itself


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o660, 0o646, 0o777])
def test_a_file_that_others_can_write_is_refused_for_it_holds_commands(settings: Settings, mode: int) -> None:
    settings.write().chmod(mode)
    with pytest.raises(ConfigFault, match="others can write this file") as caught:
        load(settings.path)
    assert "chmod 600" in caught.value.hint


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o644])
def test_others_may_read_it_for_it_holds_no_secret(settings: Settings, mode: int) -> None:
    settings.write().chmod(mode)
    assert load(settings.path)


def test_another_users_file_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write()
    if os.geteuid() == 0:
        os.chown(settings.path, 12345, -1)
    else:
        monkeypatch.setattr("klarna24.config.loading.os.geteuid", lambda: 12345)
    with pytest.raises(ConfigFault, match="others can write this file"):
        load(settings.path)


@pytest.mark.parametrize(
    "text",
    [
        b"[profiles",
        b"[profiles.a]\n[profiles.a]\n",
        b"start_date = 2026-13-45\n",
        b"a = yes\n",
        b"a = 0123\n",
        "a = 'å'".encode("latin-1"),
        b"\xff\xfe\x00",
        b"a = '\0'",
        b"\x7fELF\x02\x01\x01\0\0\0",
        b"a = " + b"9" * 5000,
        b"a = " + b"[" * 5000,
        b"a = " + b"{a=" * 5000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_what_is_not_toml_is_one_fault(settings: Settings, text: bytes) -> None:
    with pytest.raises(ConfigFault, match="not valid TOML") as caught:
        load(settings.text(text))
    assert str(caught.value).startswith(f"{settings.path}: ")
    assert caught.value.hint == f"edit {settings.path}"


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="no such file") as caught:
        load(tmp_path / "nowhere" / "profiles.toml")
    assert "klarna24 init" in caught.value.hint


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="cannot be read"):
        load(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read(settings: Settings) -> None:
    settings.write().chmod(0o200)
    with pytest.raises(ConfigFault, match="cannot be read: Permission denied"):
        load(settings.path)


# Where the file and the state are


def test_the_option_goes_before_the_variable_before_the_users_folder(
    settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write()
    usual = default_path()
    assert home in usual.parents
    usual.parent.mkdir(parents=True)
    usual.write_bytes(settings.path.read_bytes())
    usual.chmod(0o600)
    assert load().path == usual
    named = settings.path.rename(settings.path.parent / "named.toml")
    monkeypatch.setenv("KLARNA24_CONFIG", str(named))
    assert load().path == named
    assert load(usual).path == usual
    monkeypatch.setenv("KLARNA24_CONFIG", "")
    assert load().path == usual


def test_the_state_is_where_the_option_the_variable_the_file_or_the_platform_says(
    settings: Settings, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    without, within = settings.write().read_text(), settings.write(top={"state_dir": "/in/file"}).read_text()
    platform = load(settings.text(without)).state_dir
    assert home in platform.parents
    assert load(settings.text(within)).state_dir == Path("/in/file")
    monkeypatch.setenv("KLARNA24_STATE_DIR", "/in/variable")
    assert load(settings.path).state_dir == Path("/in/variable")
    assert load(settings.path, Path("/in/option")).state_dir == Path("/in/option")
    assert load(settings.text(without), Path("option")).state_dir == tmp_path / "option"
    monkeypatch.setenv("KLARNA24_STATE_DIR", "")
    assert load(settings.path).state_dir == platform


def test_a_relative_state_dir_is_seen_from_the_file_not_from_where_one_stands(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    settings.write(top={"state_dir": "state"})
    monkeypatch.chdir(elsewhere)
    assert load(settings.path).state_dir == tmp_path / "state"
    assert load(Path("../profiles.toml")).state_dir.resolve() == tmp_path / "state"


def test_a_tilde_is_the_home_folder(settings: Settings, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.write(top={"state_dir": "~/state"}).rename(home / "my.toml")
    monkeypatch.setenv("KLARNA24_CONFIG", "~/my.toml")
    loaded = load()
    assert (loaded.path, loaded.state_dir) == (home / "my.toml", home / "state")
    monkeypatch.setenv("KLARNA24_STATE_DIR", "~/other")
    assert load().state_dir == home / "other"
    assert load(None, Path("~/third")).state_dir == home / "third"


def test_the_home_of_a_user_who_does_not_exist_is_a_fault(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.write(top={"state_dir": "~no-such-user/state"})
    with pytest.raises(ConfigFault, match="no such home folder"):
        load(settings.path)
    settings.write()
    monkeypatch.setenv("KLARNA24_STATE_DIR", "~no-such-user/state")
    with pytest.raises(ConfigFault, match="no such home folder"):
        load(settings.path)
    with pytest.raises(ConfigFault, match="no such home folder"):
        load(Path("~no-such-user/profiles.toml"))


def test_a_profile_by_its_name(settings: Settings) -> None:
    loaded = settings.load()
    with pytest.raises(ConfigFault, match=r"no profile 'shp1'; did you mean shop1\?"):
        loaded.profile("shp1")
    with pytest.raises(ConfigFault, match="no profile 'zzz'") as caught:
        loaded.profile("zzz")
    assert "did you mean" not in caught.value.message
    assert "shop1" in caught.value.hint


# Through the command line


@pytest.fixture
def quiet_shop(open_shop: OpenShop) -> Iterator[Shop]:
    """Nothing to book; whatever a test does, nothing may be asked, sent or written."""
    shop = open_shop(payouts=[])
    yield shop
    assert not shop.box.requests
    assert not shop.state.exists()


def refused(shop: Shop, *lines: str) -> None:
    """Both commands, with and without --json, end with 3 and just these lines (as far as given)."""
    for command in ("dry-run", "sync"):
        plain = shop.run(command, "--all")
        assert (plain.code, plain.out) == (3, "")
        assert len(plain.lines()) == len(lines), plain.err
        for got, expected in zip(plain.lines(), lines, strict=True):
            assert got.startswith(f"klarna24: {expected}")
            assert " → " in got, "every problem names the next step"
        document = shop.run(command, "--all", "--json").json
        assert (document["exit_code"], document["profiles"]) == (3, [])
        assert len(document["problems"]) == len(lines)
        for problem, expected in zip(document["problems"], lines, strict=True):
            assert problem["message"].startswith(expected)
            assert problem["code"] == "config"
            assert problem["hint"]
            assert problem["payment_reference"] is None


def test_every_fault_is_a_line_and_a_problem_and_nothing_is_done(quiet_shop: Shop) -> None:
    quiet_shop.write({"start_date": 5, "klarna": {"regoin": "europe"}}, twin={"accounts": {"payout": None}})
    at = f"{quiet_shop.config}: profiles."
    refused(
        quiet_shop,
        f"{at}shop1.start_date: not a date",
        f"{at}shop1.klarna.regoin: unknown key; did you mean region?",
        f"{at}twin.accounts.payout: missing",
    )


def test_one_profiles_fault_stops_a_run_of_another(quiet_shop: Shop) -> None:
    """The file is right or it is not used: which profile a wrong line belongs to may be what is wrong."""
    quiet_shop.write(None, twin={"accounts": {"payout": None}})
    assert quiet_shop.sync().code == 3


def test_a_secret_as_text_never_comes_out(quiet_shop: Shop) -> None:
    quiet_shop.write({"klarna": {"password": None}})
    text = quiet_shop.config.read_text().replace(
        "[profiles.shop1.klarna]", '[profiles.shop1.klarna]\npassword = "hemligt"'
    )
    quiet_shop.config.write_text(text)
    refused(
        quiet_shop, f"{quiet_shop.config}: profiles.shop1.klarna.password: a secret does not stand in this file"
    )
    for arguments in (["--all"], ["--all", "--json"]):
        result = quiet_shop.run("sync", *arguments)
        assert "hemligt" not in result.out + result.err


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("[profiles"),
        lambda path: path.write_bytes(b"\xff"),
        lambda path: path.write_text(""),
        lambda path: path.write_text("a = " + "9" * 5000),
        lambda path: path.write_text("a = " + "[" * 5000),
        lambda path: path.chmod(0o666),
        lambda path: path.unlink(),
        lambda path: path.write_text('state_dir = "~no-such-user/x"\n' + path.read_text().partition("\n")[2]),
    ],
    ids=["broken", "non-utf-8", "empty", "digits", "brackets", "writable", "missing", "no such home"],
)
def test_a_file_that_cannot_be_used_is_one_line(quiet_shop: Shop, spoil: Callable[[Path], object]) -> None:
    spoil(quiet_shop.config)
    refused(quiet_shop, "")


def test_a_folder_for_a_file_through_the_variable(quiet_shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from klarna24.cli import main as cli

    monkeypatch.setenv("KLARNA24_CONFIG", str(quiet_shop.folder))
    assert cli.run(["sync", "--all"]) == 3


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shp1", "no profile 'shp1'; did you mean shop1? → profiles in this file: shop1"),
        ("SHOP1", "no profile 'SHOP1'"),
        ("../shop1", "no profile '../shop1'"),
        ("a\x1b[31m\nb", "no profile 'a[31mb'"),
    ],
)
def test_an_unknown_profile(quiet_shop: Shop, name: str, says: str) -> None:
    result = quiet_shop.run("sync", "--profile", name)
    assert result.code == 3
    (line,) = result.lines()
    assert says in line
    document = quiet_shop.run("sync", "--profile", name, "--json").json
    assert [problem["code"] for problem in document["problems"]] == ["config"]


def test_the_options_decide_through_the_command_line(
    open_shop: OpenShop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--config before KLARNA24_CONFIG, --state-dir before KLARNA24_STATE_DIR before the file."""
    shop = open_shop(payouts=[])
    (tmp_path / "broken.toml").write_text("[")
    monkeypatch.setenv("KLARNA24_CONFIG", str(tmp_path / "broken.toml"))
    monkeypatch.setenv("KLARNA24_STATE_DIR", str(tmp_path / "variable"))
    assert shop.run("--state-dir", str(tmp_path / "option"), "sync", "--all").code == 0
    assert (tmp_path / "option").is_dir()
    assert not (tmp_path / "variable").exists()
    assert shop.sync().code == 0
    assert (tmp_path / "variable").is_dir()
    assert not shop.state.exists()
    monkeypatch.delenv("KLARNA24_STATE_DIR")
    assert shop.sync().code == 0
    assert shop.state.is_dir()


# The example


def uncommented(text: str) -> str:
    """Every setting in force: "# key = value" is one, "## …" explains."""
    return re.sub(r"(?m)^# ", "", text)


def keys(table: type[Table], path: str = "") -> Iterator[str]:
    """Every key below a table, as a dotted path; profiles by the name shop1."""
    for name, field in table.model_fields.items():
        here = f"{path}{field.alias or name}"
        below = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        tables = [kind for kind in below if issubclass(kind, Table)]
        if here == "profiles":
            yield from keys(Profile, "profiles.shop1.")
        elif tables:
            yield from keys(tables[0], f"{here}.")
        else:
            yield here


def given(raw: Json, path: str = "") -> set[str]:
    """The dotted paths of a TOML document's keys, those of tables and of values."""
    found = set()
    for key, value in raw.items():
        found |= {f"{path}{key}"} | (given(value, f"{path}{key}.") if isinstance(value, dict) else set())
    return found


def test_the_example_is_valid_as_it_stands(settings: Settings) -> None:
    loaded = load(settings.text(EXAMPLE.read_text("utf-8")))
    profile = loaded.profile("shop1")
    bare = settings.profile()
    assert profile.voucher == bare.voucher
    assert (profile.frequency, profile.transfer) == (bare.frequency, bare.transfer)
    assert (profile.klarna.url, loaded.notify.email) == ("https://api.klarna.com", None)


@pytest.mark.parametrize(
    ("frequency", "left_out"), [("weekly", "day"), ("monthly", "weekday"), ("daily", "weekday|day")]
)
@pytest.mark.parametrize("transfer", ["itemised", "itemised-fees"])
def test_the_example_is_valid_with_every_setting_in_force(
    settings: Settings, frequency: str, left_out: str, transfer: str
) -> None:
    """But for those that exclude each other: weekday and day, and references with lump."""
    text = uncommented(EXAMPLE.read_text("utf-8"))
    text, count = re.subn(rf"(?m)^({left_out}) = .*\n", "", text)
    assert count == len(left_out.split("|"))
    text = text.replace('frequency = "daily"', f'frequency = "{frequency}"')
    text = text.replace('transfer = "lump"', f'transfer = "{transfer}"')
    loaded = load(settings.text(text))
    profile = loaded.profile("shop1")
    assert (profile.frequency, profile.transfer) == (frequency, transfer)
    assert len(profile.references.by_target()) == 3
    assert loaded.notify.email


def test_the_example_has_every_key_and_no_other() -> None:
    raw = tomllib.loads(uncommented(EXAMPLE.read_text("utf-8")))
    own_email = {key for key in keys(File) if key.startswith("profiles.shop1.notify.")}  # as [notify.email]
    assert own_email
    assert set(keys(File)) - own_email - given(raw) == set()


def test_what_the_example_leaves_out_is_the_default_where_there_is_one() -> None:
    """A # taken away changes nothing, unless the setting has no default."""
    text = EXAMPLE.read_text("utf-8")
    raw, plain = tomllib.loads(uncommented(text))["profiles"]["shop1"], tomllib.loads(text)["profiles"]["shop1"]
    tables: list[tuple[Json, Json, type[Table]]] = [
        (raw, plain, Profile),
        (raw["klarna"], plain["klarna"], Klarna),
        (raw["24sevenoffice"], plain["24sevenoffice"], TwentyFour),
        (raw["voucher"], plain["voucher"], VoucherSettings),
    ]
    compared = 0
    for full, stands, table in tables:
        for name, field in table.model_fields.items():
            key = field.alias or name
            if key in full and key not in stands and isinstance(field.default, str | int):
                assert full[key] == field.default, key
                compared += 1
    assert compared == 11


def test_the_examples_five_sources_of_a_password_are_valid(settings: Settings) -> None:
    examples = re.findall(r"(?m)^##   (\{ (\w+) = .*? \})", EXAMPLE.read_text("utf-8"))
    assert [source for _, source in examples] == list(SECRET_SOURCES)
    for example, source in examples:
        raw = tomllib.loads(f"password = {example}")["password"]
        secret = settings.profile({"klarna": {"password": {"env": None, **raw}}}).klarna.password
        assert secret.source == source


def test_the_example_is_in_one_convention() -> None:
    """Blank, a table, a setting, "# " and one of these, or "##" and prose: so that uncommenting is mechanical."""
    line = re.compile(r"|(# )?(\[[\w.]+\]|[\w]+ = .+)|##|## .+|##   .+")
    assert [text for text in EXAMPLE.read_text("utf-8").splitlines() if not line.fullmatch(text)] == []
