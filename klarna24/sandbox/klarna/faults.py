"""The answers that only Klarna gives under a fault; see klarna24/sandbox/faults.py."""

import json
from typing import Any

from klarna24.sandbox.faults import HTML, Fault, Faults, Replies
from klarna24.sandbox.klarna.http import error
from klarna24.sandbox.reply import Reply

_LIST_FAULTS = [name for name, requests in Faults.NAMES.items() if requests == "list"]


def _changed_list(fault: Fault, real: Reply) -> Reply:
    if real.status != 200:
        return real
    page: dict[str, Any] = json.loads(real.body)
    rows, pagination = page["payouts" if "payouts" in page else "transactions"], page["pagination"]
    if fault.name == "klarna-short-page":
        del rows[-1:]
    elif fault.name == "klarna-endless":
        rows.clear()
        pagination |= {"count": 0, "total": pagination["total"] + pagination["offset"] + 1}
        # where the real answer has no next page, this page is named again
        pagination.setdefault("next", f"?offset={pagination['offset']}")
    elif fault.name == "klarna-no-total":
        del pagination["total"]
    elif fault.name == "klarna-wrong-total":
        pagination["total"] += 3
    elif rows and fault.name == "klarna-odd":
        rows[0][fault.args.get("field", "merchant_settlement_type")] = fault.args.get("value")
    elif rows and fault.name == "klarna-foreign-row":
        rows[0]["payment_reference"] = "ANOTHER"
    elif rows and fault.name == "klarna-repeated":
        rows[-1] = next((row for row in rows if row.get("type") in ("SALE", "RETURN", "REVERSAL")), rows[0])
    elif fault.name == "klarna-foreign-next" and "next" in pagination:
        pagination["next"] = fault.args.get("url", "http://127.0.0.2:9") + "/settlements/v1/payouts?offset=20"
    real.body = json.dumps(page).encode()
    return real


REPLIES: Replies = {
    "klarna-429": lambda *_: error(429, "RATE_LIMITED", "Too many requests.", {"X-Ratelimit-Reset": "1"}),
    "klarna-503": lambda *_: Reply(503, HTML, "text/html"),
    "klarna-401": lambda *_: error(401, "UNAUTHORIZED", "The credentials were refused."),
    "klarna-status": lambda fault, _: error(fault.args.get("status", 500), "ERROR", "It does not work."),
    **dict.fromkeys(_LIST_FAULTS, _changed_list),
}
