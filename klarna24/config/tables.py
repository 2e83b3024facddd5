"""The tables of profiles.toml and their keys, which profiles.example.toml explains. Unknown keys are faults."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Literal, Self, cast, get_args

from pydantic import Field, PrivateAttr, ValidationInfo, field_validator, model_validator

from klarna24.config.contacts import Notify
from klarna24.config.values import (
    AccountNo,
    AccountsByType,
    BaseUrl,
    Currency,
    ForeignCurrency,
    Guid,
    Id,
    MailAddress,
    SecretField,
    Table,
    TaxCode,
    Text,
    TimeZone,
    VatRate,
    VoucherType,
    conflict,
)
from klarna24.text.sentences import Language, Sentence, joined, sentence

# Accounts that refuse entries without a customer or a supplier (docs/vendors/bookkeeping.md, "Accounts"):
CUSTOMER_LEDGER = range(1500, 1530)
SUPPLIER_LEDGER = range(2400, 2430)
Warning24 = Literal[
    "vatisnotinbalance", "vatismissingfoundation", "invoicealreadyexists", "customermismatchbankaccount"
]
WARNINGS: tuple[str, ...] = get_args(Warning24)
DEFAULT_LANGUAGE: Language = "en"
ECB = "https://www.ecb.europa.eu"
KLARNA_HOSTS = {
    ("europe", "live"): "https://api.klarna.com",
    ("europe", "playground"): "https://api.playground.klarna.com",
    ("north-america", "live"): "https://api-na.klarna.com",
    ("north-america", "playground"): "https://api-na.playground.klarna.com",
    ("oceania", "live"): "https://api-oc.klarna.com",
    ("oceania", "playground"): "https://api-oc.playground.klarna.com",
}


class Klarna(Table):
    """``klarna``: the shop's account at Klarna, and which of its payouts are this profile's."""

    region: Literal["europe", "north-america", "oceania"] = "europe"
    environment: Literal["live", "playground"] = "live"
    username: Text
    password: SecretField
    currencies: list[Currency] | None = Field(None, min_length=1)
    merchant_ids: list[Text] | None = Field(None, min_length=1)
    base_url: BaseUrl | None = None

    @property
    def url(self) -> str:
        """The scheme and host of Klarna's API."""
        return self.base_url or KLARNA_HOSTS[self.region, self.environment]

    def covers(self, merchant_id: str, currency: str) -> bool:
        """Whether the profile's filters let a payout of this merchant and currency through."""
        return self.covers_merchant(merchant_id) and self.covers_currency(currency)

    def covers_merchant(self, merchant_id: str) -> bool:
        """Whether ``merchant_ids`` lets the merchant through."""
        return self.merchant_ids is None or merchant_id in self.merchant_ids

    def covers_currency(self, currency: str) -> bool:
        """Whether ``currencies`` lets the currency through."""
        return self.currencies is None or currency in self.currencies


def disjoint(one: Klarna, other: Klarna) -> bool:
    """Whether the filters let no payout through to both profiles."""
    pairs = [(one.currencies, other.currencies), (one.merchant_ids, other.merchant_ids)]
    return any(a is not None and b is not None and not set(a) & set(b) for a, b in pairs)


class TwentyFour(Table):
    """``24sevenoffice``: the user, and the company in which vouchers are drafted."""

    username: Text
    password: SecretField
    application_id: Guid
    identity_id: Guid
    client_id: Annotated[int, Field(ge=1, le=2**63 - 1)]
    base_url: BaseUrl | None = None
    voucher_inbox: MailAddress | None = None

    @property
    def inbox(self) -> str:
        """The address to which evidence is mailed (docs/vendors/24sevenoffice.md, "Newer findings")."""
        return self.voucher_inbox or f"{self.client_id}@voucher.24sevenoffice.com"


class VoucherSettings(Table):
    """``voucher``: what all vouchers of the profile have in common."""

    type: VoucherType = "Diverse"
    department_id: Id | None = None
    project_id: Id | None = None
    customer_id: Id | None = None
    supplier_id: Id | None = None
    ledger_accounts: list[AccountNo] = Field([])
    ignore_warnings: list[Warning24] = Field([])
    transaction_no: Literal["none", "next"] = "none"
    fiscal_year: Literal["start", "end"] | None = None
    foreign_currency: ForeignCurrency = "hold"
    max_entries: Annotated[int, Field(ge=2)] = 20_000

    def ledger(self, account_no: int) -> Literal["customer_id", "supplier_id"] | None:
        """Which of the two an entry on this account must have; None where it needs neither."""
        if account_no in CUSTOMER_LEDGER or account_no in self.ledger_accounts:
            return "customer_id"
        return "supplier_id" if account_no in SUPPLIER_LEDGER else None

    def party(self, account_no: int) -> int | None:
        """The number of the customer or supplier of an entry on this account; None where it needs neither."""
        key = self.ledger(account_no)
        return getattr(self, key) if key else None


class Accounts(Table):
    """``accounts``: the account of each of Klarna's totals."""

    payout: AccountNo
    receivable: AccountNo
    fees: AccountNo | None = None
    fees_vat: AccountNo | None = None
    commission: AccountNo | None = None
    holdback: AccountNo | None = None
    debt: AccountNo | None = None
    returns: AccountsByType = Field({})
    reversals: AccountsByType = Field({})
    charges: AccountsByType = Field({})
    credits: AccountsByType = Field({})
    currency_gain: AccountNo | None = None
    currency_loss: AccountNo | None = None

    def named(self) -> Iterable[tuple[str, int]]:
        """Each account number, after its path below ``accounts``."""
        for key in type(self).model_fields:
            value = getattr(self, key)
            if isinstance(value, dict):
                yield from ((f"{key}.{detailed_type}", number) for detailed_type, number in value.items())
            elif value is not None:
                yield key, value


class Vat(Table):
    """``vat``: the VAT on Klarna's fees. Without a ``mode`` it is Klarna's own figure, as with "klarna"."""

    mode: Literal["klarna", "none", "reverse-charge"] | None = None
    rate: VatRate | None = None
    output: AccountNo | None = None
    input: AccountNo | None = None
    tax_code: TaxCode | None = None

    @model_validator(mode="after")
    def _reverse_charge_is_whole(self) -> Self:
        keys = ("rate", "output", "input")
        if self.mode == "reverse-charge":
            if missing := [key for key in keys if getattr(self, key) is None]:
                raise conflict(sentence('mode = "reverse-charge" needs {keys} as well', keys=", ".join(missing)))
            if self.output == self.input:
                raise conflict(
                    sentence("output and input are one account, on which the VAT would cancel out: give two")
                )
        elif given := [key for key in keys if getattr(self, key) is not None]:
            raise conflict(sentence('{keys} can only be used with mode = "reverse-charge"', keys=", ".join(given)))
        return self


Target = Literal["comment", "invoice_no", "ocr"]


class References(Table):
    """``references``: the field of an entry into which each reference of an order is written."""

    order_id: Target | None = None
    short_order_id: Target | None = None
    merchant_reference1: Target | None = None
    merchant_reference2: Target | None = None

    def by_target(self) -> dict[Target, str]:
        """The reference that goes into each field."""
        return {target: field for field in type(self).model_fields if (target := getattr(self, field)) is not None}

    @model_validator(mode="after")
    def _each_target_once(self) -> Self:
        targets = [getattr(self, field) for field in type(self).model_fields]
        for target in ("comment", "invoice_no", "ocr"):
            if targets.count(target) > 1:
                raise conflict(
                    sentence(
                        '"{field}" is used for more than one reference: a field can hold only one', field=target
                    )
                )
        return self


def _needs_party(key: str, accounts: list[str]) -> Sentence:
    named = ", ".join(accounts)
    if len(accounts) == 1:
        return sentence(
            "{accounts} is a ledger account: add {key} = … (Klarna's number in 24SevenOffice's CRM) under voucher",
            accounts=named,
            key=key,
        )
    return sentence(
        "{accounts} are ledger accounts: add {key} = … (Klarna's number in 24SevenOffice's CRM) under voucher",
        accounts=named,
        key=key,
    )


WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Profile(Table):
    """``profiles.NAME``: one web shop. A field is validated with the ones before it, so their order matters."""

    start_date: date
    timezone: TimeZone
    frequency: Literal["daily", "weekly", "monthly"] = "daily"
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    day: Annotated[int, Field(ge=1, le=31)] = 1
    transfer: Literal["lump", "itemised", "itemised-fees"] = "lump"
    language: Language = DEFAULT_LANGUAGE
    evidence: Literal["none", "mail", "attach"] = "none"
    remind_unbooked_after_days: Annotated[int, Field(ge=1, le=366)] | None = None
    expect_payout_within_days: Annotated[int, Field(ge=1, le=366)] | None = None
    klarna: Klarna
    twentyfour: TwentyFour = Field(alias="24sevenoffice")
    voucher: VoucherSettings = VoucherSettings()
    vat: Vat = Vat()
    accounts: Accounts
    references: References = References()
    notify: Notify = Notify()
    _name: str = PrivateAttr("")

    @property
    def name(self) -> str:
        """The profile's name in profiles.toml."""
        return self._name

    def booking_settings(self) -> dict[str, str]:
        """What decides how a payout is booked, by its path below the profile: the log tells when it changes."""
        chosen: dict[str, str] = {
            "transfer": self.transfer,
            "voucher.foreign_currency": self.voucher.foreign_currency,
        }
        for table in ("vat", "references"):
            values: Table = getattr(self, table)
            chosen |= {f"{table}.{key}": str(value) for key, value in values if value is not None}
        return chosen | {f"accounts.{key}": str(number) for key, number in self.accounts.named()}

    @field_validator("weekday", "day")
    @classmethod
    def _goes_with_frequency(cls, value: object, info: ValidationInfo) -> object:
        needs = {"weekday": "weekly", "day": "monthly"}[cast(str, info.field_name)]
        if info.data.get("frequency", needs) != needs:
            raise conflict(
                sentence(
                    '{key} can only be used with frequency = "{frequency}"',
                    key=str(info.field_name),
                    frequency=needs,
                )
            )
        return value

    @field_validator("accounts")
    @classmethod
    def _ledger_accounts_have_a_party(cls, accounts: Accounts, info: ValidationInfo) -> Accounts:
        voucher = info.data.get("voucher")
        if not isinstance(voucher, VoucherSettings):
            return accounts
        needed: dict[str, list[str]] = {}
        vat = info.data.get("vat", Vat())
        of_vat = [(f"vat.{key}", number) for key in ("output", "input") if (number := getattr(vat, key))]
        for path, account_no in (*accounts.named(), *of_vat):
            key = voucher.ledger(account_no)
            if key and getattr(voucher, key) is None:
                needed.setdefault(key, []).append(f"{path} = {account_no}")
        if needed:
            raise conflict(joined("; ", (_needs_party(key, named) for key, named in needed.items())))
        return accounts

    @field_validator("references")
    @classmethod
    def _references_need_rows(cls, references: References, info: ValidationInfo) -> References:
        if references.by_target() and info.data.get("transfer") == "lump":
            raise conflict(
                sentence('references need transfer = "itemised" or "itemised-fees": a lump voucher has no rows')
            )
        return references
