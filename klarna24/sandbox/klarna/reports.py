"""Klarna's settlement reports of one payout: a small PDF of two pages, and a CSV. Both are the sandbox's own."""

import csv
import io
from collections.abc import Iterable
from typing import Any


def pdf_report(payout: dict[str, Any]) -> bytes:
    """A valid PDF: a page with the totals, and one with a closing line."""
    figures = _figures(payout)
    totals = [f"{name.removesuffix('_amount')}: {amount / 100:.2f}" for name, amount in figures.items()]
    head = [
        f"Settlement report {payout['payment_reference']}",
        f"{payout['payout_date']} {payout['currency_code']}",
    ]
    return _pdf([[*head, *totals], [*head, "VAT invoice of the sandbox; it is worth nothing"]])


def csv_report(payout: dict[str, Any], rows: Iterable[dict[str, Any]]) -> bytes:
    """A CSV with decimals: the payout first, then a line for each transaction."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["type", "detailed_type", "amount", "currency", "order_id"])
    settlement = _figures(payout).get("settlement_amount", 0)
    writer.writerow(["SETTLEMENT", "", f"{settlement / 100:.2f}", payout["currency_code"], ""])
    for row in rows:
        amount = f"{row['amount'] / 100:.2f}"
        writer.writerow(
            [row["type"], row.get("detailed_type", ""), amount, row["currency_code"], row.get("order_id", "")]
        )
    return text.getvalue().encode()


def _figures(payout: dict[str, Any]) -> dict[str, int]:
    """The totals; none of a record that a fault or a test has made unreadable."""
    return payout["totals"] or {}


def _pdf(pages: list[list[str]]) -> bytes:
    """The pages' lines of text in Helvetica, one below the other."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, lines in enumerate(pages):
        shown = " ".join(f"({_escaped(line)}) Tj 0 -18 Td" for line in lines)
        content = f"BT /F1 11 Tf 56 780 Td {shown} ET"
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    body, offsets = "%PDF-1.4\n", []
    for number, text in enumerate(objects, start=1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{text}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n"
    return f"{body}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


def _escaped(text: str) -> str:
    plain = text.encode("ascii", "replace").decode()
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
