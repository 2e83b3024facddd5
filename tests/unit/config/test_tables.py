"""The tables of profiles.toml: which keys there are, which values they take, and the faults of all others."""

import re
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from klarna24.config.loading import load
from klarna24.config.tables import WARNINGS, Profile
from tests.support.bookkeeping import NOBODY, PROFILE, merged
from tests.support.settings import EMAIL, Settings, keys, nested

# Keys


def test_defaults(settings: Settings) -> None:
    profile = settings.profile({"accounts": {"fees": None, "fees_vat": None}})
    assert profile.name == "shop1"
    assert (profile.frequency, profile.weekday, profile.day, profile.transfer) == ("daily", "monday", 1, "lump")
    klarna = profile.klarna
    assert (klarna.region, klarna.environment) == ("europe", "live")
    assert (klarna.currencies, klarna.merchant_ids, klarna.base_url) == (None, None, None)
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
    assert dict(profile.accounts.named()) == {"payout": 1940, "receivable": 1686}
    assert profile.references.by_target() == {}
    assert profile.notify.email is None


def test_defaults_of_email(settings: Settings) -> None:
    email = settings.load(top={"notify": {"email": EMAIL}}).notify.email
    assert email is not None
    assert (email.port, email.security, email.username, email.password) == (587, "starttls", None, None)
    assert (email.sender, email.to) == ("klarna24@shop1.se", ["accounts@shop1.se"])


def test_a_profile_may_have_its_own_email(settings: Settings) -> None:
    config = settings.load({"notify": {"email": {**EMAIL, "host": "mail.shop1.se"}}}, {"notify": {"email": EMAIL}})
    own = config.profile("shop1").notify.email
    assert own
    assert config.notify.email
    assert (own.host, config.notify.email.host) == ("mail.shop1.se", "smtp.example.com")


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
    assert settings.fault(nested(key, None)) == f"profiles.shop1.{key}: missing"


@pytest.mark.parametrize("key", ["host", "from", "to"])
def test_required_of_email(settings: Settings, key: str) -> None:
    email = {"notify": {"email": merged(EMAIL, {key: None})}}
    assert settings.fault(top=email) == f"notify.email.{key}: missing"
    assert settings.fault(email) == f"profiles.shop1.notify.email.{key}: missing"


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
    in_shop1 = [
        *("start_date", "timezone", "frequency", "klarna.region", "klarna.password", "klarna.base_url"),
        *("24sevenoffice.client_id", "24sevenoffice.identity_id", "voucher.departement_id", "accounts.payout"),
        *("accounts.receivable", "accounts.charges.DISPUTE_FEE", "references.order_id", "surprise"),
    ]
    elsewhere = ["state_dir", "colour", "notify.email.port"]
    elsewhere += ["profiles.Shop2", "profiles.Shop2.transfer", "profiles.shop3"]
    assert sorted(fault.partition(": ")[0] for fault in faults) == sorted(
        [*elsewhere, *(f"profiles.shop1.{path}" for path in in_shop1)]
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
        ("profiles.shop1", "twentyfour", None),  # its name in the code, which is not a key
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
    assert settings.fault(top=top, name=name) == expected


def test_a_key_of_another_table_is_told_where_it_belongs(settings: Settings) -> None:
    fault = settings.fault({"merchant_ids": ["N1"]})
    assert fault == "profiles.shop1.merchant_ids: unknown key here; it belongs below [profiles.shop1.klarna]"
    assert settings.fault({"password": 1}) == "profiles.shop1.password: unknown key", "it could be either of two"


def test_a_value_that_is_no_choice_is_told_with_the_nearest_choice(settings: Settings) -> None:
    fault = settings.fault({"transfer": "Itemized"})
    assert (
        fault
        == 'profiles.shop1.transfer: not one of "lump", "itemised", "itemised-fees"; did you mean "itemised"?'
    )


@pytest.mark.parametrize("name", ["../x", "Shop1", "a" * 41, "", "-a", "_a", "å", "a b", "a.b", "a/b", "a\n"])
def test_a_profile_name_that_is_not_valid(settings: Settings, name: str) -> None:
    assert f"{name!r} is not a valid profile name: use at most 40 lower-case letters" in settings.fault(name=name)


@pytest.mark.parametrize("name", ["a", "0", "a" * 40, "shop-1_b", "notify", "profiles", "24sevenoffice"])
def test_a_profile_name_that_is_valid(settings: Settings, name: str) -> None:
    assert settings.load(name=name).profile(name).name == name


# Values


WRONG_VALUES: dict[str, list[Any]] = {
    "evidence": ["pdf", True, 1],
    "24sevenoffice.voucher_inbox": ["", "belege", 7, "a@b.se\n"],
    "start_date": [20261124, "2026-11-24", datetime(2026, 11, 24, tzinfo=UTC), True, time(9, 30), [], 2026.1124],
    "timezone": [
        *("Mars/Olympus", "", " ", "Europe", "../../etc/passwd", "/etc/localtime", "Europe/Oslo\0"),
        *(1, True),
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
    "voucher.foreign_currency": ["yes", "book", "rate", True],
    "voucher.max_entries": [1, 0, "20000", True, 2.0],
    "accounts": [1930, "1930", [1930]],
    "accounts.payout": [0, -1, 32768, "1930", True, 1930.0, 10**30, [1930], {}],
    "accounts.fees": ["yes", True, date(2026, 11, 24)],
    "accounts.charges": [True, "6990", 6990.0, [6990], {"": 1}, {" LOAN_FEE": 1}, {"\x1b[31m": 1}, {"a\u202e": 1}],
    "accounts.charges.other": [0, 32768, {"other": "6990"}, {"other": True}],
    "accounts.credits.LOAN_PAYOUT": [{"LOAN_PAYOUT": 0}, {"LOAN_PAYOUT": {}}],
    "vat": ["none", True],
    "vat.mode": ["yes", "reverse", True],
    "vat.rate": [0, 100, -25, "25", True, float("nan")],
    "vat.output": ["2614", 0, True],
    "vat.input": ["2645", 0, True],
    "vat.tax_code": ["", "seven", -7, 7.0, True, "7\n"],
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
    "remind_unbooked_after_days": [0, -1, 367, "14", True, 14.0],
}


@pytest.mark.parametrize("path", WRONG_VALUES)
def test_a_value_of_the_wrong_kind_or_size_is_a_fault_at_its_path(settings: Settings, path: str) -> None:
    """No value is converted into another kind: not "1" into 1, not true into 1, not a number into a date. What is
    said of it are our own words, which say what to write."""
    key = re.sub(r"\.(0|other|LOAN_PAYOUT)$", "", path)
    for value in WRONG_VALUES[path]:
        over = {"notify": {"email": EMAIL}} if "email." in path else {}
        faults = settings.faults(merged(over, nested(key, value)))
        assert [fault.partition(": ")[0] for fault in faults] == [f"profiles.shop1.{path}"], (value, faults)
        said = "\n".join(fault.partition(": ")[2] for fault in faults)
        assert not re.search(r"[Ii]nput|should|valid (string|integer)|not a valid value$", said, re.MULTILINE)


def test_every_setting_has_a_wrong_value() -> None:
    """But for those that have tests of their own, and accounts like the others."""
    elsewhere = {path for path in keys(Profile) if path.endswith(("password", "base_url"))}
    elsewhere |= {path for path in keys(Profile) if path.startswith(("references.", "accounts."))}
    assert set(keys(Profile)) - set(WRONG_VALUES) - elsewhere == {*("weekday", "day", "24sevenoffice.username")}


@pytest.mark.parametrize("value", [0, 32, "5", True, 5.0])
def test_a_wrong_day_of_the_month_s_report(settings: Settings, value: object) -> None:
    assert settings.fault(top={"report": {"day": value}}).startswith("report.day: ")


def test_a_report_that_nobody_would_get_is_a_fault(settings: Settings) -> None:
    assert "add [notify.email]" in settings.fault(top={"report": {"day": 5}})
    for over, top in [({}, {"notify": {"email": EMAIL}}), ({"notify": {"email": EMAIL}}, {})]:
        assert load(settings.write(over, {"report": {"day": 5}, **top})).report_day == 5


@pytest.mark.parametrize("value", [5, "", True, "a\0b", "a\nb", []])
def test_a_wrong_state_dir(settings: Settings, value: object) -> None:
    assert settings.fault(top={"state_dir": value}).startswith("state_dir: ")


@pytest.mark.parametrize("value", ["Diverse", 9, "9", 0, "Övrigt & annat"])
def test_a_voucher_type_is_a_title_or_a_number(settings: Settings, value: object) -> None:
    assert settings.profile({"voucher": {"type": value}}).voucher.type == value


def test_the_bounds_are_valid(settings: Settings) -> None:
    profile = settings.profile(
        {
            "24sevenoffice": {"client_id": 2**63 - 1, "identity_id": "ABCDEFab-0000-0000-0000-000000000000"},
            "voucher": {"department_id": 2**31 - 1, "max_entries": 2, "ignore_warnings": list(WARNINGS)},
            "accounts": {"payout": 1, "receivable": 32767},
        }
    )
    assert profile.voucher.ignore_warnings == list(WARNINGS)


def test_the_fault_of_a_date_in_quotes_shows_how_to_write_it(settings: Settings) -> None:
    fault = settings.fault({"start_date": "2026-11-24"})
    assert fault.endswith("without quotes and time, as in 2026-11-24")


def test_charges_and_credits_are_a_number_or_numbers_by_detailed_type(settings: Settings) -> None:
    by_type = {"DISPUTE_FEE_REFUND": 6064, "other": 3990}
    accounts = settings.profile({"accounts": {"charges": 6990, "credits": by_type}}).accounts
    assert (accounts.charges, accounts.credits) == ({"other": 6990}, by_type)


@pytest.mark.parametrize("missing", ["rate", "output", "input"])
def test_reverse_charge_needs_all_three_of_its_settings(settings: Settings, missing: str) -> None:
    whole = {"mode": "reverse-charge", "rate": 25, "output": 2614, "input": 2645}
    assert settings.profile({"vat": whole}).vat.rate == 25
    assert missing in settings.fault({"vat": {key: value for key, value in whole.items() if key != missing}})


@pytest.mark.parametrize("mode", ["klarna", "none", None])
def test_the_settings_of_reverse_charge_need_its_mode(settings: Settings, mode: str | None) -> None:
    vat = {"rate": 25} | ({"mode": mode} if mode else {})
    assert "reverse-charge" in settings.fault({"vat": vat})


def test_a_reverse_charge_on_one_account_would_cancel_out(settings: Settings) -> None:
    vat = {"mode": "reverse-charge", "rate": 25, "output": 2614, "input": 2614}
    assert "output and input are one account" in settings.fault({"vat": vat})


def test_an_account_of_vat_on_a_ledger_account_needs_a_party(settings: Settings) -> None:
    vat = {"mode": "reverse-charge", "rate": 25, "output": 2400, "input": 2645}
    assert "vat.output = 2400 is a ledger account" in settings.fault({"vat": vat})


def test_the_rate_of_version_0_1_says_what_to_write_instead(settings: Settings) -> None:
    fault = settings.fault({"voucher": {"foreign_currency": "rate"}})
    assert '"ecb"' in fault
    assert '"hold"' in fault


@pytest.mark.parametrize("key", ["returns", "reversals", "charges", "credits"])
def test_an_account_by_detailed_type_is_a_number_or_a_table(settings: Settings, key: str) -> None:
    both = [settings.profile({"accounts": {key: value}}).accounts for value in (1686, {"other": 1686})]
    assert both[0] == both[1]
