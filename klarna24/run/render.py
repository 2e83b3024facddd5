"""Renders a PDF, read from standard input, to pages in PNG on standard output, each after its length.

A program of its own, which pages.py starts: whatever is in the file, it can neither crash a run nor keep it
waiting. Only here is pypdfium2 loaded. It imports nothing of klarna24, and pages.py knows its exit codes.
"""

import struct
import sys
import zlib

MOST_PAGES = 30
MOST_BYTES = 20 * 10**6  # of all pages together
SCALE = 150 / 72  # dots for each point
LONGEST_SIDE = 3000  # dots
MISSING, TOO_MANY, TOO_LARGE = 3, 4, 5


def main() -> int:
    """Return the exit code."""
    try:
        import pypdfium2  # noqa: PLC0415 - whether it is installed is found out here
    except ImportError:
        return MISSING
    document, size = pypdfium2.PdfDocument(sys.stdin.buffer.read()), 0
    if len(document) > MOST_PAGES:
        return TOO_MANY
    for page in document:
        bitmap = page.render(scale=min(SCALE, LONGEST_SIDE / max(page.get_size())), grayscale=True)
        image = png(bitmap.width, bitmap.height, bytes(bitmap.buffer), bitmap.stride)
        size += len(image)
        if size > MOST_BYTES:
            return TOO_LARGE
        sys.stdout.buffer.write(struct.pack(">I", len(image)) + image)
    return 0


def png(width: int, height: int, grey: bytes, stride: int) -> bytes:
    """A PNG of one byte a dot; ``stride`` is the number of bytes from one row of ``grey`` to the next."""
    rows = b"".join(b"\0" + grey[start : start + width] for start in range(0, height * stride, stride))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )


if __name__ == "__main__":
    sys.exit(main())
