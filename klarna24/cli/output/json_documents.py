"""What scripts read: one JSON document (docs/reference.md, "JSON")."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from klarna24.bookkeeping.payout import NAMES, ZERO
from klarna24.bookkeeping.voucher import Entry, Voucher
from klarna24.check.result import CheckedProfile
from klarna24.cli.output.history_json import history_json
from klarna24.errors import Problem, worst
from klarna24.run.outcome import Outcome, Report
from klarna24.run.status import ProfileStatus
from klarna24.state.records import Event, Status

# json's own indent would be five times as slow: it takes another encoder, written in Python.
_FIELDS = json.JSONEncoder(ensure_ascii=False, separators=(",\n      ", ": "))


def runs_json(command: str, reports: Sequence[Report], problems: Sequence[Problem] = ()) -> str:
    """The document of ``sync --json`` and ``dry-run --json``; amounts are strings with two decimals."""
    document = {
        "version": 1,
        "command": command,
        "exit_code": worst([*(it.exit_code for it in reports), *(it.exit_code for it in problems)]),
        "problems": [problem_json(problem) for problem in problems],
        "profiles": [_report(report) for report in reports],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


def _report(report: Report) -> dict[str, Any]:
    return {
        "profile": report.profile,
        "due": report.due,
        "checkpoint": report.checkpoint.isoformat() if report.checkpoint else None,
        "payouts": [_outcome(outcome) for outcome in report.outcomes],
        "problems": [problem_json(problem) for problem in report.all_problems()],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "payment_reference": outcome.key.payment_reference,
        "payout_date": outcome.payout_date.isoformat(),
        "currency": outcome.key.currency,
        "settlement_amount": f"{outcome.settlement:.2f}",
        "totals": totals_json(outcome.totals),
        "status": outcome.status,
        "reason": outcome.problem.message if outcome.problem else None,
        "remarks": [remark.text for remark in outcome.remarks],
        "voucher": _voucher(outcome.voucher) if outcome.voucher else None,
    }


def totals_json(totals: Mapping[str, Decimal]) -> dict[str, str]:
    """All of Klarna's totals, also those that are zero."""
    return {name: f"{totals.get(name, ZERO):.2f}" for name in NAMES}


def _voucher(voucher: Voucher) -> dict[str, Any]:
    return {
        "date": voucher.date.isoformat(),
        "type": voucher.type.title,
        "name": voucher.name,
        "currency": voucher.currency,
        "entries": [_entry(entry) for entry in voucher.entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "account_no": entry.account_no,
        "amount": f"{entry.amount:.2f}",
        "kind": entry.kind,
        "comment": entry.comment,
        "invoice_no": entry.invoice_no,
        "ocr": entry.ocr,
        "customer_id": entry.customer_id,
        "department_id": entry.department_id,
        "project_id": entry.project_id,
        "tax_code": entry.tax_code,
    }


def problem_json(problem: Problem, text: Callable[[str], Any] = str) -> dict[str, Any]:
    """The problem as an object; ``text`` makes values of its texts."""
    return {
        "code": problem.code,
        "message": text(problem.message),
        "hint": text(problem.hint),
        "payment_reference": problem.payment_reference,
    }


def status_json(statuses: Sequence[ProfileStatus]) -> str:
    """The document of ``klarna24 status --json``."""
    profiles = [
        {
            "profile": one.profile,
            "in_file": one.in_file,
            "problems": [problem_json(problem) for problem in one.problems],
            "checkpoint": one.checkpoint.isoformat() if one.checkpoint else None,
            "completed_at": one.completed_at.isoformat() if one.completed_at else None,
            "next_due": one.next_due.isoformat(timespec="seconds") if one.next_due else None,
            "counts": one.counts,
            "drafts": {
                "count": len(one.drafts),
                "oldest_since": one.oldest_draft.isoformat() if one.oldest_draft else None,
                "references": [row.key.payment_reference for row in one.drafts],
            },
            "waiting": [
                {
                    "payment_reference": waiting.row.key.payment_reference,
                    "payout_date": waiting.row.payout_date.isoformat(),
                    "currency": waiting.row.key.currency,
                    "settlement_amount": f"{waiting.row.totals.get('settlement', ZERO):.2f}",
                    "status": Status.IN_DOUBT if waiting.row.in_doubt else waiting.row.status,
                    "since": waiting.row.changed_at.isoformat(),
                    "reason": waiting.reason,
                    "totals": totals_json(waiting.row.totals),
                    "hint": waiting.hint,
                    "commands": waiting.commands,
                    "remarks": [remark.text for remark in waiting.row.remarks],
                }
                for waiting in one.waiting
            ],
        }
        for one in statuses
    ]
    return json.dumps({"version": 1, "command": "status", "profiles": profiles}, ensure_ascii=False, indent=2)


def log_json(events: Iterable[Event]) -> Iterator[str]:
    """The document of ``klarna24 log --json``, piece by piece, each a line or more: a long log is never whole in
    memory. It is what ``json.dumps`` makes of it with an indent of 2."""
    before = '{\n  "version": 1,\n  "command": "log",\n  "events": ['
    for event in events:
        yield before
        lines = _FIELDS.encode({**event._asdict(), "at": event.at.isoformat()})[1:-1]
        before = f"    {{\n      {lines}\n    }},"
    yield f"{before.removesuffix(',')}\n  ]\n}}" if before.endswith(",") else f"{before}]\n}}"


def checks_json(
    exit_code: int,
    done: Iterable[CheckedProfile],
    problems: Iterable[Problem],
    text: Callable[[str], Any] = str,
) -> str:
    """The document of ``klarna24 check --json``; ``text`` makes values of its texts."""
    profiles = [
        {
            "profile": one.profile,
            "checks": [
                {
                    "name": text(check.name),
                    "status": check.status,
                    "message": text(check.message),
                    "next": text(check.next),
                }
                for check in one.checks
            ],
            "history": history_json(one.history) if one.history else None,
        }
        for one in done
    ]
    document = {
        "version": 1,
        "command": "check",
        "exit_code": exit_code,
        "problems": [problem_json(problem, text) for problem in problems],
        "profiles": profiles,
    }
    return json.dumps(document, ensure_ascii=False, indent=2)
