"""Klarna's side of the sandbox: pages, dates, refusals and faults (docs/vendors/klarna.md, "Collections")."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import requests

from klarna24.sandbox.klarna.generate import make_payout
from klarna24.sandbox.server import Sandbox
from tests.support import data
from tests.support.sandbox_calls import TODAY

FAULTS = data(__file__, "faults.toml")["klarna"]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    """With the generated payouts."""
    with Sandbox(today=TODAY) as running:
        yield running
        assert running.errors == []


@pytest.fixture
def many() -> Iterator[Sandbox]:
    """With 45 payouts, one a day at 08:00Z from 1 October."""
    days = [date.fromordinal(date(2026, 10, 1).toordinal() + n) for n in range(45)]
    payouts = [make_payout(f"P{n}", f"{day}T08:00:00Z", sale=100) for n, day in enumerate(days)]
    with Sandbox(today=TODAY, payouts=[(payout, []) for payout in payouts]) as running:
        yield running
        assert running.errors == []


def get(box: Sandbox, path: str, **options: Any) -> requests.Response:
    """GET a path of the API, or a whole address."""
    url = path if path.startswith("http") else f"{box.url}/settlements/v1/{path}"
    options = {"auth": (box.klarna.username, box.klarna.password), "allow_redirects": False, **options}
    return requests.get(url, timeout=30, **options)


def pagination(box: Sandbox, path: str) -> dict[str, Any]:
    found: dict[str, Any] = get(box, path).json()["pagination"]
    return found


def test_a_page_has_20_elements_and_next_is_an_absolute_address_that_the_last_page_lacks(many: Sandbox) -> None:
    page = get(many, "payouts").json()
    assert (len(page["payouts"]), "prev" in page["pagination"]) == (20, False)
    assert (page["pagination"]["count"], page["pagination"]["total"]) == (20, 45)
    url: str | None = f"{many.url}/settlements/v1/payouts?start_date=2026-10-02"
    seen: list[str] = []
    while url:
        page = get(many, url).json()
        seen += [payout["payment_reference"] for payout in page["payouts"]]
        url = page["pagination"].get("next")
    assert seen == [f"P{n}" for n in range(1, 45)]
    assert "prev" in page["pagination"]


def test_a_bound_without_a_time_means_midnight_and_leaves_out_the_last_day(many: Sandbox) -> None:
    assert pagination(many, "payouts?start_date=2026-10-01&end_date=2026-10-02")["total"] == 1
    full = "payouts?start_date=2026-10-01T00:00:00Z&end_date=2026-10-02T23:59:59Z"
    assert pagination(many, full)["total"] == 2


@pytest.mark.parametrize(
    "query",
    ["size=501", "size=0", "size=x", "offset=-1", "start_date=yesterday", "start=2026-10-01", "size=1&size=2"],
)
def test_a_bad_query_is_answered_with_400_and_klarnas_error_body(many: Sandbox, query: str) -> None:
    answer = get(many, f"payouts?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) == {"error_code", "error_messages", "correlation_id"}


def test_only_get_with_the_right_password_is_answered(box: Sandbox) -> None:
    assert get(box, "payouts", auth=(box.klarna.username, "wrong")).status_code == 401
    assert get(box, "payouts", auth=None).json()["error_code"] == "UNAUTHORIZED"
    assert requests.post(f"{box.url}/settlements/v1/payouts", timeout=30).status_code == 405
    assert get(box, "reports").status_code == 404


def test_an_unreadable_payout_has_reports_all_the_same(box: Sandbox) -> None:
    payout = box.klarna.payouts[0]
    payout["totals"] = None
    for report in ("payout", "payout-with-transactions"):
        assert get(box, f"reports/{report}?payment_reference={payout['payment_reference']}").status_code == 200


def test_a_payout_is_found_by_reference_with_its_rows(box: Sandbox) -> None:
    reference = box.klarna.payouts[0]["payment_reference"]
    payout = get(box, f"payouts/{reference}").json()
    assert payout["totals"] == box.klarna.payouts[0]["totals"]
    rows = get(box, payout["transactions"] + "&size=500").json()
    assert rows["pagination"]["total"] == len(box.klarna.transactions[reference])
    order = next(row["order_id"] for row in rows["transactions"] if "order_id" in row)
    assert pagination(box, f"transactions?order_id={order}")["count"] >= 1
    assert get(box, "payouts/NOSUCH").status_code == 404
    assert pagination(box, "payouts?currency_code=EUR")["total"] == 1


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_answers_with_a_status_once(box: Sandbox, name: str) -> None:
    box.faults.arm(name, url="http://127.0.0.2:9/")
    answer = get(box, "payouts")
    assert answer.status_code == FAULTS[name]
    assert answer.headers.get("X-Ratelimit-Reset") == ("1" if FAULTS[name] == 429 else None)
    assert get(box, "payouts").ok


def test_a_fault_closes_the_connection_or_answers_with_garbage(box: Sandbox) -> None:
    for name, error in (("klarna-cut", requests.ConnectionError), ("klarna-garbage", requests.JSONDecodeError)):
        box.faults.arm(name)
        with pytest.raises(error):
            get(box, "payouts").json()
    assert get(box, "payouts").ok


def test_a_fault_makes_a_list_wrong(many: Sandbox) -> None:
    many.faults.arm("klarna-short-page")
    short = get(many, "payouts").json()
    assert (len(short["payouts"]), short["pagination"]["count"]) == (19, 20)
    many.faults.arm("klarna-foreign-next", url="http://127.0.0.2:9")
    assert pagination(many, "payouts")["next"].startswith("http://127.0.0.2:9/")
    many.faults.arm("klarna-endless")
    for offset in (0, 20, 40):
        page = pagination(many, f"payouts?offset={offset}")
        assert (page["count"], page["total"] > offset, "next" in page) == (0, True, True)
    many.faults.clear()
    assert pagination(many, "payouts")["count"] == 20


def test_a_fault_makes_elements_wrong(box: Sandbox) -> None:
    reference = box.klarna.payouts[0]["payment_reference"]
    rows = f"transactions?payment_reference={reference}&size=500"
    usual, before = get(box, rows).json(), get(box, "payouts").json()
    total = usual["pagination"]["total"]
    box.faults.arm("klarna-no-total")
    assert "total" not in pagination(box, rows)
    box.faults.arm("klarna-wrong-total")
    assert pagination(box, rows)["total"] == total + 3
    box.faults.arm("klarna-odd", field="amount", value=3000.5)
    assert get(box, rows).json()["transactions"][0]["amount"] == 3000.5
    box.faults.arm("klarna-foreign-row")
    assert get(box, rows).json()["transactions"][0]["payment_reference"] != reference
    box.faults.arm("klarna-repeated")
    repeated = get(box, rows).json()["transactions"]
    assert repeated[-1] in repeated[:-1]
    assert get(box, rows).json() == usual
    box.faults.arm("klarna-shuffled", operation="payouts")
    shuffled = get(box, "payouts").json()
    assert shuffled != before
    box.faults.arm("klarna-moved", operation="payouts")
    moved = get(box, "payouts").json()
    assert moved["pagination"] == before["pagination"]
    assert moved["payouts"][:-1] == shuffled["payouts"][1:]


def test_a_fault_can_be_of_one_payout(box: Sandbox) -> None:
    one, other = (payout["payment_reference"] for payout in box.klarna.payouts[:2])
    box.faults.arm("klarna-status", times=None, reference=one, status=403)
    for path in ("transactions?payment_reference=", "payouts/"):
        assert [get(box, path + name).status_code for name in (one, other)] == [403, 200]
    assert get(box, "payouts").ok


def test_a_fault_meets_so_many_requests_after_so_many_others(box: Sandbox) -> None:
    box.faults.arm("klarna-503", times=2, after=1, operation="payouts")
    paths = ("payouts", "transactions", "payouts", "payouts", "payouts")
    assert [get(box, path).status_code for path in paths] == [200, 200, 503, 503, 200]
