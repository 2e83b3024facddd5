"""Settings in profiles.toml that need or exclude another."""

from datetime import date

import pytest

from tests.support.bookkeeping import Json, merged
from tests.support.settings import EMAIL, Settings, nested


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
def test_weekday_and_day_need_one_frequency(
    settings: Settings, frequency: str | None, key: str, value: object, needs: str
) -> None:
    fault = settings.fault({"frequency": frequency, key: value})
    assert fault == f'profiles.shop1.{key}: {key} can only be used with frequency = "{needs}"'
    assert getattr(settings.profile({"frequency": needs, key: value}), key) == value


@pytest.mark.parametrize(
    ("frequency", "key", "value"),
    [
        *(("weekly", "weekday", value) for value in ("Monday", "mon", "måndag", 1, True)),
        *(("monthly", "day", value) for value in (0, 32, -1, "1", True, 1.0, date(2026, 11, 1))),
    ],
)
def test_a_wrong_weekday_or_day(settings: Settings, frequency: str, key: str, value: object) -> None:
    assert settings.fault({"frequency": frequency, key: value}).startswith(f"profiles.shop1.{key}: ")


@pytest.mark.parametrize("target", ["comment", "invoice_no", "ocr"])
def test_a_field_can_hold_only_one_reference(settings: Settings, target: str) -> None:
    twice = {"transfer": "itemised", "references": {"order_id": target, "merchant_reference2": target}}
    fault = settings.fault(twice)
    assert fault.startswith(f'profiles.shop1.references: "{target}" is used for more than one reference')
    assert settings.fault(merged(twice, {"references": {"merchant_reference1": target}})) == fault


@pytest.mark.parametrize("transfer", ["lump", None])
def test_references_need_rows(settings: Settings, transfer: str | None) -> None:
    fault = settings.fault({"transfer": transfer, "references": {"order_id": "comment"}})
    assert fault.startswith('profiles.shop1.references: references need transfer = "itemised"')


@pytest.mark.parametrize("transfer", ["itemised", "itemised-fees"])
def test_references_of_rows(settings: Settings, transfer: str) -> None:
    references = {"order_id": "ocr", "merchant_reference1": "invoice_no", "merchant_reference2": "comment"}
    profile = settings.profile({"transfer": transfer, "references": references})
    assert profile.references.by_target() == {target: field for field, target in references.items()}


@pytest.mark.parametrize("value", ["invoice", "OCR", 1, True, ["ocr"]])
def test_a_reference_goes_into_a_field_that_exists(settings: Settings, value: object) -> None:
    fault = settings.fault({"transfer": "itemised", "references": {"order_id": value}})
    assert fault.startswith("profiles.shop1.references.order_id: ")


LOGINS: dict[str, tuple[Json, str]] = {
    "no password": ({"username": "me"}, "there is a username but no password"),
    "no username": ({"password": {"env": "SMTP"}}, "there is a password but no username"),
    "not encrypted": (
        {"username": "me", "password": {"env": "SMTP"}, "security": "none"},
        "would send the password unencrypted",
    ),
}


@pytest.mark.parametrize("what", LOGINS)
def test_a_login_at_the_mail_server_has_both_parts_and_is_encrypted(settings: Settings, what: str) -> None:
    over, reason = LOGINS[what]
    fault = settings.fault(top={"notify": {"email": {**EMAIL, **over}}})
    assert fault.startswith("notify.email: ")
    assert reason in fault


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_login_on_this_machine_need_not_be_encrypted(settings: Settings, host: str) -> None:
    login = {"username": "me", "password": {"env": "SMTP"}, "security": "none", "host": host}
    assert settings.load(top={"notify": {"email": {**EMAIL, **login}}}).notify.email


@pytest.mark.parametrize(
    ("account_no", "key"),
    [
        *((1499, None), (1500, "customer_id"), (1529, "customer_id"), (1530, None)),
        *((2399, None), (2400, "supplier_id"), (2429, "supplier_id"), (2430, None)),
    ],
)
@pytest.mark.parametrize("path", ["payout", "receivable", "fees", "debt", "charges.DISPUTE_FEE"])
def test_an_account_on_a_ledger_needs_its_customer_or_supplier(
    settings: Settings, path: str, account_no: int, key: str | None
) -> None:
    over = {"accounts": nested(path, account_no)}
    if key is None:
        assert settings.load(over)
        return
    fault = settings.fault(over)
    assert fault.startswith(f"profiles.shop1.accounts: {path} = {account_no} is a ledger account: add {key} = ")
    other = {"customer_id": "supplier_id", "supplier_id": "customer_id"}[key]
    assert settings.faults(merged(over, {"voucher": {other: 1001}})) == [fault]
    assert settings.profile(merged(over, {"voucher": {key: 1001}})).voucher.party(account_no) == 1001


def test_ledger_accounts_need_a_customer(settings: Settings) -> None:
    over = {"accounts": {"receivable": 1535}, "voucher": {"ledger_accounts": [1535]}}
    fault = settings.fault(over)
    assert "receivable = 1535" in fault
    assert "customer_id" in fault
    voucher = settings.profile(merged(over, {"voucher": {"customer_id": 1001}})).voucher
    assert (voucher.party(1535), voucher.party(1930)) == (1001, None)


def test_all_ledger_accounts_are_named_at_once(settings: Settings) -> None:
    fault = settings.fault({"accounts": {"payout": 1510, "receivable": 1520, "debt": 2410}})
    assert "payout = 1510, receivable = 1520 are ledger accounts: add customer_id" in fault
    assert "debt = 2410 is a ledger account: add supplier_id" in fault
