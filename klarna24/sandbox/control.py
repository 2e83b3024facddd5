"""Addresses with which a script looks into the sandbox and controls it:

GET  /sandbox/state              the drafts and the ledger of each company, and the armed faults
POST /sandbox/faults             arm a fault: {"name", "times", "after", "operation", …} as in Faults.arm
POST /sandbox/book/{draft id}    give a draft a number and book it
"""

import json
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

from klarna24.sandbox.faults import Faults
from klarna24.sandbox.office.state import OfficeState
from klarna24.sandbox.reply import Incoming, Reply

PREFIX = "/sandbox/"


def answer(office: OfficeState, faults: Faults, incoming: Incoming) -> Reply:
    """The answer to one request, as JSON. A refused one gets 400 or 404 and {"error"}."""
    method = incoming.method
    name, _, rest = incoming.path.removeprefix(PREFIX).partition("/")
    try:
        if (method, name, rest) == ("GET", "state", ""):
            return _json(200, _state(office, faults))
        if (method, name, rest) == ("POST", "faults", ""):
            faults.arm(**json.loads(incoming.body))
            return _json(200, {"armed": [fault.name for fault in faults.armed]})
        if (method, name) == ("POST", "book") and rest.isdecimal():
            return _json(200, {"transaction_no": office.book(int(rest))})
    except KeyError as error:
        return _json(404, {"error": str(error.args[0])})
    except (ValueError, TypeError) as error:
        return _json(400, {"error": str(error)})
    return _json(404, {"error": "not found"})


def _state(office: OfficeState, faults: Faults) -> dict[str, Any]:
    return {
        "companies": [
            {
                "client_id": company.client_id,
                "name": company.name,
                "drafts": [asdict(draft) | {"pages": company.pages_of(draft)} for draft in company.drafts],
                "ledger": company.ledger,
            }
            for company in office.companies
        ],
        "faults": [asdict(fault) for fault in faults.armed],
    }


def _json(status: int, value: object) -> Reply:
    return Reply(status, json.dumps(value, default=_text, indent=1).encode(), "application/json")


def _text(value: object) -> str:
    """An amount as a string, a date in ISO form."""
    if isinstance(value, date):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
