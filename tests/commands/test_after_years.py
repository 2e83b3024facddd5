"""What a state of years must not cost."""

import json

import pytest

from tests.support.shops import OpenShop, simple


@pytest.mark.parametrize("payouts", [0, 1])
def test_the_log_as_json_is_one_document_of_the_usual_form(open_shop: OpenShop, payouts: int) -> None:
    """It is written piece by piece, since a log of years would not fit into memory."""
    shop = open_shop(payouts=[simple("Größe", sale_amount=100, fee_amount=100)] * payouts)
    if payouts:
        shop.sync()
        shop.resolve("Größe", "--skip", "--note", 'a "note"')
    shown = shop.run("log", "--json")
    assert shown.out == json.dumps(shown.json, ensure_ascii=False, indent=2) + "\n"
    assert (shown.json["version"], shown.json["command"]) == (1, "log")
    assert [event["what"] for event in shown.json["events"]] == ["seen", "sending", "drafted", "skipped"][
        : 4 * payouts
    ]
