"""The sandbox fails as it is told to, can be controlled over HTTP, and stops at once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from lxml import etree

from klarna24.sandbox.faults import Faults
from klarna24.sandbox.server import Sandbox
from tests.support import data
from tests.support.sandbox_calls import TODAY, login, save, texts

FAULTS = data(__file__, "faults.toml")


@pytest.mark.parametrize("name", FAULTS["types"])
def test_a_fault_answers_with_a_type_once(box: Sandbox, name: str) -> None:
    kind, drafts = FAULTS["types"][name]
    box.faults.arm(name)
    session = login(box)
    assert texts(save(box, session), "Type") == [kind]
    assert len(box.office.home.drafts) == drafts
    assert texts(save(box, session), "Type") == ["Ok"]


@pytest.mark.parametrize("name", FAULTS["closed"])
def test_a_fault_closes_the_connection_without_an_answer(box: Sandbox, name: str) -> None:
    session = login(box)
    box.faults.arm(name, seconds=0.05)
    with pytest.raises(requests.ConnectionError):
        save(box, session)
    assert len(box.office.home.drafts) == FAULTS["closed"][name]
    assert box.requests[-1].status is None


@pytest.mark.parametrize("name", FAULTS["answers"])
def test_a_fault_answers_with_something_else(box: Sandbox, name: str) -> None:
    """Before anything was saved, or after."""
    status, kind, text = FAULTS["answers"][name]
    session = login(box)
    for saved in range(2 if name in {"html-error", "html-ok", "redirect", "garbage"} else 1):
        box.faults.arm(name, operation="SaveBundleList", **({"saved": True} if saved else {}))
        answer = save(box, session)
        assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (status, kind)
        assert text in answer.text
        assert len(box.office.home.drafts) == saved


def test_a_truncated_answer_is_given_after_saving(box: Sandbox) -> None:
    session = login(box)
    box.faults.arm("truncated")
    answer = save(box, session)
    assert len(box.office.home.drafts) == 1
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(answer.content)


def test_a_session_can_expire_between_two_saves(box: Sandbox) -> None:
    session = login(box)
    box.faults.arm("expire-session", after=1)
    assert texts(save(box, session), "Type") == ["Ok"]
    assert "Not authenticated" in save(box, session).text
    assert texts(save(box, login(box)), "Type") == ["Ok"]


def test_a_slow_answer_is_late_and_right(box: Sandbox) -> None:
    session = login(box)
    box.faults.arm("slow", seconds=0.2)
    started = time.monotonic()
    assert texts(save(box, session), "Type") == ["Ok"]
    assert time.monotonic() - started > 0.19


def test_the_name_and_the_arguments_of_a_fault_are_checked(box: Sandbox) -> None:
    assert Faults.parse("cut-after-save") == ("cut-after-save", 1)
    assert Faults.parse("slow:3") == ("slow", 3)
    for text in ("fire", "slow:0", "slow:x", "slow:"):
        with pytest.raises(ValueError, match="cut-after-save"):
            Faults.parse(text)
    wrong: tuple[dict[str, Any], ...] = ({"second": 1}, {"times": 0})
    for arguments in wrong:
        with pytest.raises(ValueError, match=next(iter(arguments))):
            box.faults.arm("slow", **arguments)


def test_the_sandbox_can_be_controlled_over_http(box: Sandbox) -> None:
    armed = requests.post(box.url + "/sandbox/faults", json={"name": "slow", "seconds": 0}, timeout=30)
    assert armed.json() == {"armed": ["slow"]}
    assert requests.post(box.url + "/sandbox/faults", json={"name": "fire"}, timeout=30).status_code == 400
    save(box, login(box))
    state = requests.get(box.url + "/sandbox/state", timeout=30).json()
    draft = state["companies"][1]["drafts"][0]
    assert draft["entries"][0]["Amount"] == "80.50"
    booked = requests.post(f"{box.url}/sandbox/book/{draft['id']}", timeout=30)
    assert booked.json() == {"transaction_no": 1}
    for draft_id in (draft["id"], "x"):
        assert requests.post(f"{box.url}/sandbox/book/{draft_id}", timeout=30).status_code == 404
    assert (
        requests.get(box.url + "/sandbox/state", headers={"Host": "evil.example"}, timeout=30).status_code == 404
    )


def test_requests_are_counted_by_operation(box: Sandbox) -> None:
    requests.get(box.url + "/settlements/v1/payouts", auth=(box.klarna.username, box.klarna.password), timeout=30)
    save(box, login(box))
    assert box.calls() == {"payouts": 1, "Login": 1, "SaveBundleList": 1}
    assert [request.status for request in box.requests] == [200, 200, 200]


def test_the_accounts_and_the_type_of_the_profile_exist(box: Sandbox) -> None:
    profile = box.profile()
    numbers: list[int] = []
    for account in profile["accounts"].values():
        numbers += account.values() if isinstance(account, dict) else [account]
    assert set(numbers) <= set(box.office.home.chart)
    assert profile["voucher"]["type"] in [kind.title for kind in box.office.home.types]
    assert profile["24sevenoffice"]["client_id"] == box.office.home.client_id
    assert set(box.environment()) == {profile[name]["password"]["env"] for name in ("klarna", "24sevenoffice")}


def test_stop_ends_a_hanging_answer_at_once() -> None:
    box = Sandbox(today=TODAY, payouts=[])
    box.start()
    box.faults.arm("klarna-hang", seconds=60)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{box.url}/settlements/v1/payouts", timeout=0.1)
    started = time.monotonic()
    box.stop()
    assert time.monotonic() - started < 30, "far less than the 60 s of the hang"
    with pytest.raises(requests.ConnectionError):
        requests.get(box.url, timeout=1)


def test_the_sandbox_serves_until_it_is_stopped_and_keeps_its_port() -> None:
    box = Sandbox(today=TODAY, payouts=[]).start()
    url = box.url
    thread = threading.Thread(target=box.serve_forever)
    thread.start()
    assert requests.get(url + "/sandbox/state", timeout=30).ok
    box.stop()
    thread.join(5)
    assert not thread.is_alive()
    with box:
        assert box.url == url
        assert requests.get(url + "/sandbox/state", timeout=30).ok


def test_a_bug_of_the_sandbox_is_recorded_and_does_not_look_like_a_vendors_answer() -> None:
    def broken(service: str, operation: str, raw: bytes) -> list[str]:
        raise ZeroDivisionError(f"{service} {operation} {raw!r}")

    with Sandbox(today=TODAY, payouts=[], validate=broken) as box:
        assert "ZeroDivisionError" in save(box, "").text
        assert "ZeroDivisionError" in box.errors[0]


def test_a_huge_request_is_not_read(box: Sandbox) -> None:
    answer = requests.post(box.url + "/", headers={"Content-Length": "99999999999"}, timeout=30)
    assert answer.status_code == 413


def test_many_clients_at_once_lose_nothing(box: Sandbox) -> None:
    session = login(box)
    with ThreadPoolExecutor(8) as pool:
        kinds = list(pool.map(lambda _: texts(save(box, session), "Type")[0], range(40)))
    assert kinds == ["Ok"] * 40
    assert len({draft.id for draft in box.office.home.drafts}) == 40
    assert box.calls()["SaveBundleList"] == 40
