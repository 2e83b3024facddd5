"""The answers that only Klarna gives under a fault; see klarna24/sandbox/faults.py."""

import json
from typing import Any

from klarna24.sandbox.faults import HTML, Fault, Replies
from klarna24.sandbox.klarna.http import error
from klarna24.sandbox.reply import Reply


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
    elif "next" in pagination:
        pagination["next"] = fault.args.get("url", "http://127.0.0.2:9") + "/settlements/v1/payouts?offset=20"
    real.body = json.dumps(page).encode()
    return real


REPLIES: Replies = {
    "klarna-429": lambda *_: error(429, "RATE_LIMITED", "Too many requests.", {"X-Ratelimit-Reset": "1"}),
    "klarna-503": lambda *_: Reply(503, HTML, "text/html"),
    "klarna-401": lambda *_: error(401, "UNAUTHORIZED", "The credentials were refused."),
    **dict.fromkeys(("klarna-short-page", "klarna-endless", "klarna-foreign-next"), _changed_list),
}
