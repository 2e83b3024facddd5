"""How the folders and files of the archive are named, and what a file's name says."""

import re
from hashlib import sha256
from pathlib import Path
from typing import Literal, NamedTuple

from klarna24.state.records import Row

Kind = Literal["payout", "rows", "pdf", "csv", "voucher"]
SUMS = "SHA256SUMS"
UNFINISHED = ".unfinished-"  # how the name of what is being written begins, file or folder
READABLE = 40  # characters of a name that had to be changed
# What is the same name on every file system, upper and lower case told apart or not.
PLAIN = re.compile(r"[A-Z0-9][A-Z0-9-]{0,59}")
# Windows opens a device under these names.
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
FILE = re.compile(
    r"(?:(payout|voucher)(?:-(\d+))?\.json|report(?:-(\d+))?\.(pdf|csv)|rows(?:-(\d+)(-\d+)?)?\.json)"
)


class Document(NamedTuple):
    """What a file is. ``version`` is 1, and one more each time that the payout has changed at Klarna since, or for
    a voucher, that another one was sent."""

    kind: Kind
    version: int


def document_of(name: str) -> Document | None:
    """Return what a file of that name is; None for all that the archive does not write."""
    if not (found := FILE.fullmatch(name)):
        return None
    json_kind, json_version, report_version, report_kind, first, page = found.groups()
    if json_kind:
        return Document("voucher" if json_kind == "voucher" else "payout", int(json_version or 1))
    if report_kind:
        return Document("pdf" if report_kind == "pdf" else "csv", int(report_version or 1))
    return Document("rows", int(first) if page else 1)


def file_names(document: Document, pages: int = 1) -> list[str]:
    """Return the name of each file of the document. Rows have one for each page of Klarna's answer, and from the
    second version on always the number of the page behind that of the version."""
    kind, version = document
    later = f"-{version}" if version > 1 else ""
    match kind:
        case "pdf" | "csv":
            return [f"report{later}.{kind}"]
        case "rows" if later or pages > 1:
            return [f"rows{later}-{page}.json" for page in range(1, pages + 1)]
    return [f"{kind}{later}.json"]


def payout_folder(row: Row, *, is_alone: bool) -> str:
    """Return ``profile/year/date reference``, with currency, merchant and a hash behind it where ``is_alone`` is
    false because another payout has the same reference."""
    name = f"{row.payout_date} {safe(row.key.payment_reference)}"
    if not is_alone:
        whole = repr((row.client_id, row.environment, *row.key))
        name = f"{name} {safe(row.key.currency)} {safe(row.key.merchant_id)} {_short_hash(whole)}"
    return f"{safe_profile(row.profile)}/{row.payout_date.year}/{name}"


def own_folders(root: Path, row: Row) -> list[str]:
    """Return the profile's folders in the archive ``root`` of payouts of this reference, of whatever date."""
    reference = safe(row.key.payment_reference)
    own = root / safe_profile(row.profile)
    found = [*own.glob(f"*/????-??-?? {reference}"), *own.glob(f"*/????-??-?? {reference} *")]
    return sorted(it.relative_to(root).as_posix() for it in found)


def folders_of_others(root: Path, row: Row) -> list[str]:
    """Return the folders of this date and reference that other profiles have."""
    own = payout_folder(row, is_alone=True)
    found = root.glob(f"*/{own.partition('/')[2]}")
    return sorted({it.relative_to(root).as_posix() for it in found} - {own})


def safe_profile(profile: str) -> str:
    """Return the folder of a profile, whose name has lower-case letters, digits, - and _ only."""
    return f"{profile}_{_short_hash(profile)}" if RESERVED.fullmatch(profile) else profile


def safe(text: str) -> str:
    """Return the text where it is a plain name; else its readable beginning and a short hash of the whole, so that
    two texts never have one name."""
    if PLAIN.fullmatch(text) and not RESERVED.fullmatch(text):
        return text
    readable = re.sub(r"[^A-Za-z0-9]+", "-", text[: 4 * READABLE]).strip("-")[:READABLE]
    return "_".join(filter(None, (readable, _short_hash(text))))


def _short_hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:10]
