"""The sandbox publishes rates as the European Central Bank does, and fails as it is told to."""

from datetime import date

import pytest
import requests
from lxml import etree

from klarna24.sandbox.server import Sandbox
from tests.support.sandbox_calls import TODAY

RECENT, WHOLE = "/stats/eurofxref/eurofxref-hist-90d.xml", "/stats/eurofxref/eurofxref-hist.xml"
CUBE = "{http://www.ecb.int/vocabulary/2002-08-01/eurofxref}Cube"


def get(box: Sandbox, path: str = RECENT) -> requests.Response:
    return requests.get(box.url + path, timeout=30, allow_redirects=False)


def days(answer: requests.Response) -> dict[str, dict[str, str]]:
    """The rates of each day, in the order of the file."""
    root = etree.fromstring(answer.content)
    assert root.tag == "{http://www.gesmes.org/xml/2002-08-01}Envelope"
    return {
        str(day.get("time")): {str(cube.get("currency")): str(cube.get("rate")) for cube in day}
        for day in root.findall(f"{CUBE}/{CUBE}")
    }


def test_rates_are_published_on_working_days_newest_first(box: Sandbox) -> None:
    recent, whole = days(get(box)), days(get(box, WHOLE))
    assert next(iter(recent)) == next(iter(whole)) == str(TODAY)
    assert list(whole) == sorted(whole, reverse=True)
    assert {date.fromisoformat(day).weekday() for day in whole} == {0, 1, 2, 3, 4}
    assert (min(recent), min(whole)) == ("2026-08-27", "2023-11-27")
    assert recent == {day: rates for day, rates in whole.items() if day >= "2026-08-27"}
    assert recent[str(TODAY)]["SEK"] == box.ecb.rate(TODAY, "SEK")
    assert all(10 < float(rates["SEK"]) < 12 and "EUR" not in rates for rates in whole.values())


def test_the_same_day_has_the_same_rates_in_every_sandbox(box: Sandbox) -> None:
    with Sandbox(today=TODAY, seed=7, payouts=[]) as other:
        assert get(other).content == get(box).content


@pytest.mark.parametrize(
    ("fault", "status", "kind", "text"),
    [
        ("ecb-status", 503, "text/html", "Server Error"),
        ("ecb-html", 200, "text/html", "Server Error"),
        ("ecb-garbage", 200, "text/xml", "not XML"),
        ("ecb-redirect", 302, "text/xml", ""),
    ],
)
def test_a_fault_answers_with_something_else_once(
    box: Sandbox, fault: str, status: int, kind: str, text: str
) -> None:
    box.faults.arm(fault)
    answer = get(box)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (status, kind)
    assert text in answer.text
    assert get(box).status_code == 200


@pytest.mark.parametrize("fault", ["ecb-cut", "ecb-hang"])
def test_a_fault_closes_the_connection(box: Sandbox, fault: str) -> None:
    box.faults.arm(fault, seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        get(box)


def test_a_fault_changes_what_is_published(box: Sandbox) -> None:
    usual = days(get(box))
    newest, before = list(usual)[:2]
    box.faults.arm("ecb-no-day")
    assert list(days(get(box))) == list(usual)[1:]
    box.faults.arm("ecb-no-day", value=before)
    assert list(days(get(box)))[:2] == [newest, list(usual)[2]]
    box.faults.arm("ecb-no-currency", value="NOK")
    assert {"SEK" in rates and "NOK" not in rates for rates in days(get(box)).values()} == {True}
    box.faults.arm("ecb-odd")
    assert [rates["SEK"] for rates in days(get(box)).values()][:2] == ["0", usual[before]["SEK"]]


def test_what_is_at_no_address_of_the_bank_is_not_found(box: Sandbox) -> None:
    assert get(box, "/stats/eurofxref/eurofxref-daily.xml").status_code == 404
    assert requests.post(box.url + RECENT, timeout=30).status_code == 405
    assert box.calls() == {"eurofxref-hist-90d": 1}
