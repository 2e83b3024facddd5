"""The Klarna half of the sandbox: pages, dates, refusals, and failing on order."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests

from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.server import Sandbox

TODAY = date(2026, 11, 24)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(today=TODAY) as running:
        yield running
        assert running.errors == []


def klarna(box: Sandbox, path: str, **options: Any) -> requests.Response:
    options = {"auth": (box.klarna.username, box.klarna.password), "allow_redirects": False, **options}
    return requests.get(f"{box.url}/settlements/v1/{path}", timeout=5, **options)


@pytest.fixture
def many() -> Iterator[Sandbox]:
    """45 payouts, one a day at 08:00Z from 1 October."""
    days = [date.fromordinal(date(2026, 10, 1).toordinal() + n) for n in range(45)]
    payouts = [make_payout(f"P{n}", f"{day}T08:00:00Z", sale=100) for n, day in enumerate(days)]
    with Sandbox(today=TODAY, payouts=[(payout, []) for payout in payouts]) as running:
        yield running


def test_a_page_has_20_rows_unless_asked(many: Sandbox) -> None:
    page = klarna(many, "payouts").json()
    assert len(page["payouts"]) == 20
    assert (page["pagination"]["count"], page["pagination"]["total"]) == (20, 45)
    assert "prev" not in page["pagination"]


def test_next_is_an_absolute_url_that_is_absent_at_the_end(many: Sandbox) -> None:
    url: str | None = f"{many.url}/settlements/v1/payouts?start_date=2026-10-02"
    seen: list[str] = []
    while url:
        page = requests.get(url, auth=(many.klarna.username, many.klarna.password), timeout=5).json()
        seen += [payout["payment_reference"] for payout in page["payouts"]]
        url = page["pagination"].get("next")
    assert seen == [f"P{n}" for n in range(1, 45)]
    assert "prev" in page["pagination"]


def test_a_bound_without_a_time_is_midnight_so_the_last_day_is_missed(many: Sandbox) -> None:
    assert klarna(many, "payouts?start_date=2026-10-01&end_date=2026-10-02").json()["pagination"]["total"] == 1
    full = "payouts?start_date=2026-10-01T00:00:00Z&end_date=2026-10-02T23:59:59Z"
    assert klarna(many, full).json()["pagination"]["total"] == 2


@pytest.mark.parametrize(
    "query",
    [
        "size=501",
        "size=0",
        "size=x",
        "offset=-1",
        "start_date=yesterday",
        "start=2026-10-01",
        "size=1&size=2",
    ],
)
def test_a_bad_query_is_a_400_with_klarnas_error_body(many: Sandbox, query: str) -> None:
    answer = klarna(many, f"payouts?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error_code", "error_messages", "correlation_id"}


def test_klarna_wants_the_right_password_and_only_gets(box: Sandbox) -> None:
    assert klarna(box, "payouts", auth=(box.klarna.username, "wrong")).status_code == 401
    assert klarna(box, "payouts", auth=None).json()["error_code"] == "UNAUTHORIZED"
    assert requests.post(f"{box.url}/settlements/v1/payouts", timeout=5).status_code == 405
    assert klarna(box, "reports").status_code == 404


def test_a_payout_by_reference_and_its_rows(box: Sandbox) -> None:
    reference = box.klarna.payouts[0]["payment_reference"]
    payout = klarna(box, f"payouts/{reference}").json()
    assert payout["totals"] == box.klarna.payouts[0]["totals"]
    rows = requests.get(
        payout["transactions"] + "&size=500", auth=(box.klarna.username, box.klarna.password), timeout=5
    ).json()
    assert rows["pagination"]["total"] == len(box.klarna.transactions[reference])
    order = next(row["order_id"] for row in rows["transactions"] if "order_id" in row)
    assert klarna(box, f"transactions?order_id={order}").json()["pagination"]["count"] >= 1
    assert klarna(box, "payouts/NOSUCH").status_code == 404


def test_payouts_of_one_currency(box: Sandbox) -> None:
    assert klarna(box, "payouts?currency_code=EUR").json()["pagination"]["total"] == 1


def test_klarna_fails_on_order(box: Sandbox) -> None:
    for name, status in (
        ("klarna-429", 429),
        ("klarna-503", 503),
        ("klarna-401", 401),
        ("klarna-redirect", 302),
    ):
        box.faults.arm(name, url="http://127.0.0.2:9/")
        assert klarna(box, "payouts").status_code == status
    box.faults.arm("klarna-429")
    assert klarna(box, "payouts").headers["X-Ratelimit-Reset"] == "1"
    box.faults.arm("klarna-cut")
    with pytest.raises(requests.ConnectionError):
        klarna(box, "payouts")
    box.faults.arm("klarna-garbage")
    with pytest.raises(requests.JSONDecodeError):
        klarna(box, "payouts").json()
    assert klarna(box, "payouts").ok


def test_klarnas_lists_lie_on_order(many: Sandbox) -> None:
    many.faults.arm("klarna-short-page")
    short = klarna(many, "payouts").json()
    assert (len(short["payouts"]), short["pagination"]["count"]) == (19, 20)
    many.faults.arm("klarna-foreign-next", url="http://127.0.0.2:9")
    assert klarna(many, "payouts").json()["pagination"]["next"].startswith("http://127.0.0.2:9/")
    many.faults.arm("klarna-endless")
    for offset in (0, 20, 40):
        page = klarna(many, f"payouts?offset={offset}").json()["pagination"]
        assert page["count"] == 0
        assert page["total"] > offset
        assert "next" in page
    many.faults.clear()
    assert klarna(many, "payouts").json()["pagination"]["count"] == 20


def test_a_fault_fires_so_many_times_after_so_many_requests(box: Sandbox) -> None:
    box.faults.arm("klarna-503", times=2, after=1, operation="payouts")
    statuses = [
        klarna(box, path).status_code for path in ("payouts", "transactions", "payouts", "payouts", "payouts")
    ]
    assert statuses == [200, 200, 503, 503, 200]
