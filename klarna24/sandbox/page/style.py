"""The stylesheet of the page: two columns in a wide window, one in a narrow one."""

from base64 import b64encode
from hashlib import sha256
from pathlib import Path

from klarna24.sandbox.page.markup import Html

# Html, so that it is not escaped: a browser reads no escapes in a style element
STYLE = Html((Path(__file__).parent / "style.css").read_text(encoding="utf-8"))

# for Content-Security-Policy: only this stylesheet is allowed
SOURCE = f"'sha256-{b64encode(sha256(STYLE.encode()).digest()).decode()}'"
