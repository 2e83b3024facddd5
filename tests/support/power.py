"""Power loss, simulated: strace records what a run writes to its state folder, and from that record come the disks
on which any of the sectors and names that were not synced are missing.

A sync of a file puts its data on disk, a sync of the folder the names in it. Sectors have 512 bytes, and each is
there in full or not at all, which is what SQLite relies on.
"""

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import ROOT
from tests.support.shops import Shop

SECTOR = 512
CALLS = "openat,write,pwrite64,fsync,fdatasync,ftruncate,unlink,unlinkat,rename,mkdir,sendto"
LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (\S+)")


@dataclass(frozen=True)
class Call:
    """A system call that succeeded; ``paths`` without the state folder, ``data`` as it was written."""

    name: str
    path: str
    data: bytes = b""
    number: int = 0  # an offset or a size
    to: str = ""


def record(shop: Shop) -> list[Call]:
    """The calls of a sync that concern its state folder, and its requests."""
    out = shop.folder / "strace"
    strace = ["strace", "-f", "-qq", "-y", "-xx", "-s", "1000000", "-e", f"trace={CALLS}", "-o", str(out)]
    command = [sys.executable, "-m", "klarna24", "--config", str(shop.config), "sync", "--all", "--now"]
    environment = {**os.environ, **shop.box.environment()}
    done = subprocess.run(
        [*strace, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [call for line in _whole_lines(out.read_text()) if (call := _parse(line, str(shop.state)))]


def _whole_lines(text: str) -> Iterator[str]:
    """With the two halves of a call that another thread interrupted put together."""
    halves: dict[str, str] = {}
    for line in text.splitlines():
        thread = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            halves[thread] = line.removesuffix("<unfinished ...>").rstrip()
        elif resumed := re.match(r"\d+ +<\.\.\. \w+ resumed>(.*)", line):
            yield halves.pop(thread) + resumed[1]
        else:
            yield line


# strace's names, in this module's words
NAMES = {"openat": "create", "write": "append", "pwrite64": "write", "ftruncate": "cut", "fsync": "sync"}
NAMES |= {"fdatasync": "sync", "unlink": "remove", "unlinkat": "remove"}


def _parse(line: str, folder: str) -> Call | None:
    matched = LINE.match(line)
    if not matched or matched[3].startswith("-"):
        return None
    name, arguments = matched[1], matched[2]
    texts = [_bytes(it) for it in re.findall(r'"((?:\\x[0-9a-f]{2})*)"', arguments)]
    if name == "sendto":
        return Call(name, "", texts[0])
    of_descriptor = re.match(r"\d+<([^>]*)>", arguments) if name not in {"openat", "unlinkat"} else None
    paths = [_bytes(of_descriptor[1])] if of_descriptor else texts
    inside = [os.fsdecode(it).removeprefix(folder) for it in paths if os.fsdecode(it).startswith(folder)]
    if not inside or (name == "openat" and "O_CREAT" not in arguments):
        return None
    path, *to = [it.lstrip("/") for it in inside]
    last = int(found[1]) if (found := re.search(r", (\d+)$", arguments)) else 0
    data = texts[0] if of_descriptor and texts else b""
    return Call(NAMES.get(name, name), path, data, last, *to)


def _bytes(escaped: str) -> bytes:
    """What strace prints as ``\\x41``; in older versions of it a path is plain."""
    return bytes.fromhex(escaped.replace("\\x", "")) if escaped.startswith("\\x") else os.fsencode(escaped)


Change = tuple[str, str, int, bytes]  # what, the file or name, an offset or size or file, data


@dataclass
class Disk:
    """A folder as the kernel has it in memory: what is on disk for sure, and what may be."""

    names: dict[str, int] = field(default_factory=dict)  # as the program sees them; to the file's number
    files: dict[int, bytearray] = field(default_factory=dict)  # the program's view
    safe_names: dict[str, int] = field(default_factory=dict)
    safe_files: dict[int, bytearray] = field(default_factory=dict)
    pending: list[tuple[int | None, Change]] = field(default_factory=list)  # None: of the folder

    def do(self, call: Call) -> None:
        """The call, whose effects wait for a sync."""
        match call.name:
            case "create" if call.path not in self.names:
                number = len(self.files)
                self.files[number], self.safe_files[number] = bytearray(), bytearray()
                self.names[call.path] = number
                self.pending.append((None, ("name", call.path, number, b"")))
            case "mkdir" if call.path:
                self.pending.append((None, ("name", call.path, -1, b"")))
            case "append" | "write":
                self._write(self.names[call.path], call)
            case "cut":
                number = self.names[call.path]
                _apply(self.files[number], ("size", "", call.number, b""))
                self.pending.append((number, ("size", "", call.number, b"")))
            case "remove":
                del self.names[call.path]
                self.pending.append((None, ("remove", call.path, 0, b"")))
            case "rename":
                self.names[call.to] = self.names.pop(call.path)
                self.pending.append((None, ("rename", call.path, 0, call.to.encode())))
            case "sync":
                self._sync(self.names[call.path] if call.path else None)

    def _write(self, number: int, call: Call) -> None:
        start = call.number if call.name == "write" else len(self.files[number])
        at = start
        while at < start + len(call.data):
            end = min(start + len(call.data), at - at % SECTOR + SECTOR)
            change = ("data", "", at, call.data[at - start : end - start])
            _apply(self.files[number], change)
            self.pending.append((number, change))
            at = end

    def _sync(self, of: int | None) -> None:
        for place, change in self.pending:
            if place == of:
                self._make_safe(self.safe_names, self.safe_files, place, change)
        self.pending = [it for it in self.pending if it[0] != of]

    @staticmethod
    def _make_safe(names: dict[str, int], files: dict[int, bytearray], place: int | None, change: Change) -> None:
        if place is not None:
            _apply(files[place], change)
        elif change[0] == "name":
            names[change[1]] = change[2]
        elif change[0] == "remove":
            names.pop(change[1], None)
        elif change[1] in names:
            names[change[3].decode()] = names.pop(change[1])

    def after_power_loss(self, folder: Path, chance: random.Random, kept: float) -> None:
        """Writes the folder as it may be found: of what was not synced, each with the probability ``kept``."""
        names, files = dict(self.safe_names), {number: bytearray(it) for number, it in self.safe_files.items()}
        for place, change in self.pending:
            if chance.random() < kept:
                self._make_safe(names, files, place, change)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700)
        for name, number in sorted(names.items()):
            if "/" not in name:  # of locks/ and sessions/ only the folder matters
                (folder / name).mkdir(0o700) if number < 0 else (folder / name).write_bytes(files[number])


def _apply(content: bytearray, change: Change) -> None:
    what, _, number, data = change
    if what == "size":
        del content[number:]
        content.extend(bytes(number - len(content)))
    else:
        content.extend(bytes(max(0, number - len(content))))
        content[number : number + len(data)] = data
