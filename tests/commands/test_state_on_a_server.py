"""The commands with the state on a PostgreSQL server."""

import pytest

from tests.support.postgres import Base
from tests.support.shops import OpenShop, Shop, simple


@pytest.fixture
def served(open_shop: OpenShop, base: Base) -> Shop:
    """A shop with two payouts, whose state is on a server."""
    shop = open_shop(payouts=[simple("FIRST", 2), simple("SECOND", 1)])
    shop.use_server(base)
    return shop


def test_a_run_and_what_is_asked_after_it(served: Shop) -> None:
    result = served.sync("-v" if False else "--json")
    assert result.code == 0, result.err
    assert [name.split()[1] for name in served.drafts()] == ["FIRST", "SECOND"]
    assert served.stored() == {"FIRST": "drafted", "SECOND": "drafted"}
    assert served.sync().code == 0
    assert served.sync("--now").code == 0
    assert len(served.drafts()) == 2
    (status,) = served.run("status", "--json").json["profiles"]
    assert status["counts"] == {"drafted": 2}
    assert [it["what"] for it in served.run("log", "--json").json["events"]].count("drafted") == 2
    assert {it["status"] for it in served.run("list", "--json").json["payouts"]} == {"drafted"}
    assert not (served.state / "klarna24.sqlite").exists()
    assert {path.name for path in served.state.iterdir()} == {"klarna24.state", "sessions"}
