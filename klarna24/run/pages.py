"""The pages of a PDF as PNG, rendered by a process of its own (render.py), which has an end."""

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from klarna24.errors import Unavailable
from klarna24.run import render
from klarna24.text.sentences import Sentence, sentence


class NoRenderer(Unavailable):
    """pypdfium2 is not installed; the hint is the command that installs it."""


def rendered(pdf: bytes, seconds: float) -> list[bytes]:
    """Return the pages, at most 30 with 20 MB in all. Raises NoRenderer, or Unavailable with the reason, and after
    ``seconds`` at the latest."""
    program = [sys.executable, "-P", str(Path(render.__file__))]  # -P: modules beside it are not for import
    try:
        ended = subprocess.run(  # noqa: S603 - our own program
            program, input=pdf, capture_output=True, timeout=max(seconds, 0), check=False
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(
            sentence("rendering it took longer than {seconds} s", seconds=f"{seconds:.0f}")
        ) from None
    except OSError as error:
        raise Unavailable(_not_rendered(type(error).__name__)) from None
    match ended.returncode:
        case 0:
            return list(_split(ended.stdout))
        case render.MISSING:
            command = f"{sys.executable} -m pip install pypdfium2"
            raise NoRenderer(sentence("the renderer is not installed: {command}", command=command), command)
        case render.TOO_MANY:
            raise Unavailable(sentence("it has more than {most} pages", most=render.MOST_PAGES))
        case render.TOO_LARGE:
            most = render.MOST_BYTES // 10**6
            raise Unavailable(sentence("its pages have more than {most} MB", most=most))
    raise Unavailable(_not_rendered(str(ended.returncode)))


def _not_rendered(why: str) -> Sentence:
    return sentence("it could not be rendered ({why})", why=why)


def _split(output: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(output):
        (size,) = struct.unpack_from(">I", output, start)
        yield output[start + 4 : start + 4 + size]
        start += 4 + size
