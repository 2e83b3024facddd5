"""What people and scripts read: tables on stdout, one line a problem on stderr, or one JSON document.

-   documents.py  for scripts
-   lines.py      for people and cron, a line at a time
-   tables.py     for people at a terminal; the only door to rich
"""

from klarna24.output.documents import as_json, checks_json, exit_code, log_json, status_json
from klarna24.output.lines import (
    not_due_line,
    posted_line,
    print_failed_checks,
    print_line,
    print_log,
    print_problems,
    problem_line,
    summary_line,
    to_whoever_listens,
)
from klarna24.output.tables import print_report, print_status, rows_progress, show_faults, shown_checks

__all__ = [
    "as_json",
    "checks_json",
    "exit_code",
    "log_json",
    "not_due_line",
    "posted_line",
    "print_failed_checks",
    "print_line",
    "print_log",
    "print_problems",
    "print_report",
    "print_status",
    "problem_line",
    "rows_progress",
    "show_faults",
    "shown_checks",
    "status_json",
    "summary_line",
    "to_whoever_listens",
]
