"""The check of how Klarna's report reaches the draft. Nothing is mailed, and nothing is uploaded."""

from collections.abc import Iterator

from klarna24.check.result import Check
from klarna24.config.tables import Profile
from klarna24.errors import Unavailable
from klarna24.run.pages import NoRenderer, rendered
from klarna24.text.sentences import sentence
from klarna24.twentyfour.connection import address_of

EVIDENCE = sentence("evidence")
RENDER_SECONDS = 20.0
# A page of a point by a point.
TRIAL = b"""%PDF-1.4
1 0 obj <</Type /Catalog /Pages 2 0 R>> endobj
2 0 obj <</Type /Pages /Kids [3 0 R] /Count 1>> endobj
3 0 obj <</Type /Page /Parent 2 0 R /MediaBox [0 0 9 9]>> endobj
trailer <</Root 1 0 R>>
%%EOF
"""


def check_evidence(profile: Profile) -> Iterator[Check]:
    """Say where reports are mailed, or try the renderer and name the service that would get the pages."""
    match profile.evidence:
        case "mail":
            message = sentence(
                "reports are mailed to {address}; this check did not mail there", address=profile.twentyfour.inbox
            )
            yield Check(EVIDENCE, "ok", message)
        case "attach":
            yield _renderer(profile)


def _renderer(profile: Profile) -> Check:
    """Advice where it fails: a voucher is drafted without its pages."""
    try:
        rendered(TRIAL, RENDER_SECONDS)
    except NoRenderer as error:
        message = sentence("the renderer is not installed: reports are not attached to the drafts")
        return Check(EVIDENCE, "advice", message, error.hint)
    except Unavailable as error:
        message = sentence("a trial page was not rendered: {why}", why=error.message)
        return Check(EVIDENCE, "advice", message, "klarna24 check")
    message = sentence(
        "a trial page was rendered; reports are uploaded to {address}; this check uploaded nothing",
        address=address_of("attachment", profile.twentyfour.base_url),
    )
    return Check(EVIDENCE, "ok", message)
