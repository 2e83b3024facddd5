"""The service that takes pages refuses all that is not done as documented."""

import base64
from typing import Any

import pytest

from klarna24.sandbox.office.contract import SERVICES
from klarna24.sandbox.server import Sandbox
from tests.support.sandbox_calls import ACCOUNT, GOOD, bundles, login, soap, texts

ATTACHMENT = next(service for service in SERVICES.values() if service.name == "Attachment")
PNG = b"\x89PNG\r\n\x1a\n" + b"IEND\xaeB`\x82"  # as much of one as the sandbox looks at


class Uploader:
    """The calls of one session, each with the words of its fault, or none."""

    def __init__(self, box: Sandbox) -> None:
        self.box, self.session = box, login(box)

    def call(self, operation: str, body: str = "") -> Any:
        answer = soap(self.box, ATTACHMENT.path, operation, body, self.session, ATTACHMENT.namespace)
        return "".join(texts(answer, "faultstring")) or answer

    def create(self, kind: str = "Png") -> Any:
        return self.call("Create", f"<type>{kind}</type>")

    def append(self, content: bytes, offset: int = 0, image: int = 1) -> Any:
        buffer = f"<buffer>{base64.b64encode(content).decode()}</buffer><offset>{offset}</offset>"
        return self.call("AppendChunk", _file(image) + buffer)

    def save(
        self, image: int = 1, stamp: int = 1, page: str = "", location: str = "Journal", status: int = 0
    ) -> Any:
        metadata = f"<KeyValuePair><Key>PageNo</Key><Value>{page}</Value></KeyValuePair>" if page else ""
        frame = (
            f"<FrameInfo><ImageFrameInfo><Id>1</Id><StampNo>{stamp}</StampNo><MetaData>{metadata}</MetaData>"
            f"<Status>{status}</Status></ImageFrameInfo></FrameInfo>"
        )
        return self.call("Save", f"{_file(image, frame)}<location>{location}</location>")


def _file(image: int, frame: str = "") -> str:
    return f"<file><Id>{image}</Id><Type>Png</Type><StampNo>0</StampNo>{frame}</file>"


@pytest.fixture
def uploader(box: Sandbox) -> Uploader:
    """With an image of one chunk that is not saved yet."""
    made = Uploader(box)
    made.create()
    made.append(PNG)
    return made


def test_pages_are_counted_up_and_a_stamp_number_is_reserved_by_nothing(uploader: Uploader) -> None:
    for _ in range(2):
        assert texts(uploader.call("GetStampNo"), "GetStampNoResult") == ["1"]
    uploader.save()
    uploader.create()
    uploader.append(PNG, image=2)
    assert "page 2 is next" in uploader.save(image=2)
    assert "page 2 is next" in uploader.save(image=2, page="3")
    assert uploader.save(image=2, page="2").ok
    assert texts(uploader.call("GetStampNo"), "GetStampNoResult") == ["2"]
    assert len(uploader.box.office.home.pages(1)) == 2


def test_what_is_not_done_as_documented_is_refused(uploader: Uploader) -> None:
    assert "takes Png" in uploader.create("Pdf")
    assert "offset 0" in uploader.append(b"x")
    assert "chunk of 0 bytes" in uploader.append(b"", len(PNG))
    assert "no such file" in uploader.append(PNG, image=7)
    assert "not a valid base64Binary" in uploader.call(
        "AppendChunk", f"{_file(1)}<buffer>?</buffer><offset>0</offset>"
    )
    assert "location Journal" in uploader.save(location="Scanning")
    assert "FrameInfo" in uploader.save(status=1)
    assert "FrameInfo" in uploader.save(stamp=0)
    assert uploader.save().ok
    assert "no such file" in uploader.save()
    uploader.create()
    uploader.append(PNG[:-1], image=2)
    assert "whole PNG" in uploader.save(image=2, stamp=2)
    uploader.session = ""
    assert "Not authenticated" in uploader.create()


def test_an_entry_can_only_have_a_stamp_number_that_has_pages(uploader: Uploader) -> None:
    stamped = [line.replace("</Comment>", "</Comment><StampNo>1</StampNo>") for line in GOOD]
    refused = soap(uploader.box, ACCOUNT, "SaveBundleList", bundles(*stamped), uploader.session)
    assert texts(refused, "Description") == ["StampNo 1 has no pages"]
    uploader.save()
    saved = soap(uploader.box, ACCOUNT, "SaveBundleList", bundles(*stamped), uploader.session)
    assert texts(saved, "Type") == ["Ok"]
    (draft,) = uploader.box.office.home.drafts
    assert uploader.box.office.home.pages_of(draft) == 1
