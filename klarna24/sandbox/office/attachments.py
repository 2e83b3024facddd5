"""The Attachment service: images are uploaded in chunks, and pages with one stamp number belong together.

What the service refuses is not documented (docs/vendors/24sevenoffice.md, "Attachments"). The sandbox refuses all
that is not done as documented, with a soap:Client fault.
"""

from typing import Any

from klarna24.sandbox.office.company import Company, Image
from klarna24.sandbox.office.soap import Fault

MAX_CHUNK = 2 * 2**20  # chunks of 1 to 2 MB are documented
_PNG, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"


def create(company: Company, request: dict[str, Any]) -> dict[str, Any]:
    """A new image without content; it is none of the company's pages until it is saved."""
    if request["type"] != "Png":
        raise Fault("Client", f"the sandbox takes Png, not {request['type']}")
    image = Image(len(company.images) + 1)
    company.images[image.id] = image
    return {"Id": image.id, "Type": "Png", "StampNo": 0}


def append_chunk(company: Company, request: dict[str, Any]) -> None:
    """Adds a chunk at the end of the image, where ``offset`` has to be."""
    image, chunk = _unsaved(company, request), request["buffer"] or b""
    if not 0 < len(chunk) <= MAX_CHUNK:
        raise Fault("Client", f"a chunk of {len(chunk)} bytes")
    if request["offset"] != len(image.content):
        raise Fault("Client", f"offset {request['offset']}, but the file has {len(image.content)} bytes")
    image.content += chunk


def next_stamp_no(company: Company) -> int:
    """The next stamp number, which is not reserved."""
    return max((image.stamp_no for image in company.images.values()), default=0) + 1


def save(company: Company, request: dict[str, Any]) -> None:
    """Makes the image a page of its stamp number: the first, or the one after those that there are."""
    image = _unsaved(company, request)
    if not (image.content.startswith(_PNG) and image.content.endswith(_PNG_END)):
        raise Fault("Client", "the content is not a whole PNG")
    if request["location"] != "Journal":
        raise Fault("Client", f"the sandbox takes the location Journal, not {request['location']}")
    match request["file"]["FrameInfo"]:
        case [{"Id": 1, "Status": 0, "StampNo": stamp_no, "MetaData": metadata}] if stamp_no > 0:
            page = len(company.pages(stamp_no)) + 1
        case frames:
            raise Fault("Client", f"FrameInfo {frames}")
    stated = {pair["Key"]: pair["Value"] for pair in metadata or ()}
    if stated.get("PageNo", "1") != str(page):
        raise Fault("Client", f"PageNo {stated.get('PageNo')} where page {page} is next")
    image.stamp_no, image.page = stamp_no, page


def _unsaved(company: Company, request: dict[str, Any]) -> Image:
    image = company.images.get(request["file"]["Id"]) if request["file"] else None
    if image is None or image.page or request["file"]["Type"] != "Png":
        raise Fault("Client", "no such file is being uploaded")
    return image
