"""The files of one payout: written whole or not at all, read-only, and never overwritten.

A file is written under another name, put on disk and renamed; a new folder likewise. Whoever looks at the archive,
at any moment and after any crash, finds whole files only, and in SHA256SUMS what ``sha256sum -c`` reads. Between
two renames that file may lack a line; :meth:`PayoutFolder.settle` adds it.
"""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NamedTuple

from klarna24.archive.names import SUMS, UNFINISHED, document_of, safe_profile
from klarna24.errors import ConfigFault, ProblemCode
from klarna24.files import belongs_to_others, is_open_to_all
from klarna24.text.sentences import Sentence, sentence

CHUNK = 2**20
NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
SUMS_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")


class ArchiveFault(ConfigFault):
    """The archive cannot be written or read, or is not what it was: a full disk, a folder of somebody else's."""

    code = ProblemCode.ARCHIVE
    is_of_one = False  # whether other payouts can be archived all the same

    def of_one(self) -> "ArchiveFault":
        """Return the fault, as one that concerns this payout alone."""
        self.is_of_one = True
        return self


class Sum(NamedTuple):
    """A file's SHA-256 in hexadecimal, and its size in bytes."""

    sha256: str
    size: int


def sum_of(content: bytes) -> Sum:
    return Sum(sha256(content).hexdigest(), len(content))


def try_to_write(root: Path, profile: str) -> None:
    """Write a file where the profile's payouts are archived, and remove it; make the archive's folder where it is
    missing. Raises ArchiveFault."""
    with _own_faults(root):
        if not _is_ours(root):
            root.mkdir(mode=0o700, parents=True)
        own = root / safe_profile(profile)
        trial = (own if _is_ours(own) else root) / f"{UNFINISHED}check"
        _remove(trial)
        try:
            _write(trial, b"klarna24 check\n")
        finally:
            with suppress(OSError):
                _remove(trial)


class PayoutFolder:
    """The folder ``relative`` (profile/year/name) of the archive ``root``. Methods raise ArchiveFault."""

    def __init__(self, root: Path, relative: str) -> None:
        self.root = root
        self.relative = relative
        self.path = root / relative

    def exists(self) -> bool:
        """Return whether it is there, after a look at all folders above it."""
        with _own_faults(self.path):
            if not all(_is_ours(folder) for folder in self._above()):
                return False
            try:
                return _is_ours(self.path)
            except ArchiveFault as fault:
                raise fault.of_one() from None

    def has(self, name: str) -> bool:
        """Return whether the file is there, as a file and no link."""
        with suppress(OSError):
            return stat.S_ISREG((self.path / name).lstat().st_mode)
        return False

    def read(self, name: str) -> bytes:
        with _own_faults(self.path / name), _opened(self.path / name) as file:
            return file.read()

    def sum(self, name: str) -> Sum:
        """Return the sum of a file, which is read from disk."""
        with _own_faults(self.path / name), _opened(self.path / name) as file:
            digest = sha256()
            while chunk := file.read(CHUNK):
                digest.update(chunk)
            return Sum(digest.hexdigest(), file.tell())

    def listed(self) -> dict[str, str]:
        """Return the SHA-256 of each file by its name, as SHA256SUMS says; empty where there is none."""
        if not self.has(SUMS):
            return {}
        lines = self.read(SUMS).decode("utf-8", "replace").splitlines()
        return {found[2]: found[1] for line in lines if (found := SUMS_LINE.fullmatch(line))}

    def names(self) -> list[str]:
        """Return the names of all that is in the folder."""
        with _own_faults(self.path):
            return sorted(os.listdir(self.path))  # noqa: PTH208 - names are what is wanted

    def settle(self) -> dict[str, Sum]:
        """Bring the folder in order after a run that was killed, and return the sums of its files that are as
        SHA256SUMS says. A file that is not, is left for ``archive --verify`` to tell."""
        if not self.exists():
            return {}
        with _own_faults(self.path):
            for name in self.names():
                if name.startswith(UNFINISHED):
                    _remove(self.path / name)
            listed = self.listed()
            found = {name: self.sum(name) for name in self.names() if document_of(name)}
            for name in [name for name in found if name not in listed and _first_page(name) not in found]:
                _remove(self.path / name)  # of several pages, the first is written last
                del found[name]
            if new := {name: it.sha256 for name, it in found.items() if name not in listed}:
                self._put(SUMS, _sums_text({**listed, **new}))
        return {name: it for name, it in found.items() if listed.get(name, it.sha256) == it.sha256}

    def add(self, documents: Mapping[str, bytes]) -> dict[str, Sum]:
        """Write the documents and return their sums. A file that is there already with the same content stays;
        with another one it is a fault, and stays too."""
        sums = {name: sum_of(content) for name, content in documents.items()}
        with _own_faults(self.path):
            self._make_above()
            if not self.exists():
                self._make(documents, sums)
            else:
                self._add(documents, sums)
        return sums

    def _make(self, documents: Mapping[str, bytes], sums: Mapping[str, Sum]) -> None:
        unfinished = self.path.parent / f"{UNFINISHED}{self.path.name}"
        _remove(unfinished)
        try:
            unfinished.mkdir(mode=0o700)
            for name, content in documents.items():
                _write(unfinished / name, content)
            _write(unfinished / SUMS, _sums_text({name: it.sha256 for name, it in sums.items()}))
            _sync(unfinished)
            unfinished.rename(self.path)
        except BaseException:
            with suppress(OSError):
                _remove(unfinished)
            raise
        _sync(self.path.parent)

    def _add(self, documents: Mapping[str, bytes], sums: Mapping[str, Sum]) -> None:
        new = [name for name in documents if not (self.has(name) and self.sum(name) == sums[name])]
        for name in new:
            if os.path.lexists(self.path / name):
                why = sentence("{path} is there with another content", path=str(self.path / name))
                raise ArchiveFault(why, _verify_hint()).of_one()
        try:
            for name in reversed(new):
                self._put(name, documents[name])
            self._put(SUMS, _sums_text({**self.listed(), **{name: it.sha256 for name, it in sums.items()}}))
        except BaseException:
            with suppress(OSError):
                for name in new:
                    _remove(self.path / name)
            raise

    def _put(self, name: str, content: bytes) -> None:
        unfinished = self.path / f"{UNFINISHED}{name}"
        _remove(unfinished)
        try:
            _write(unfinished, content)
            unfinished.replace(self.path / name)
        except BaseException:
            with suppress(OSError):
                _remove(unfinished)
            raise
        _sync(self.path)

    def _above(self) -> list[Path]:
        """The archive itself, the profile's folder and the year's."""
        profile, year, _ = self.relative.split("/")
        return [self.root, self.root / profile, self.root / profile / year]

    def _make_above(self) -> None:
        for folder in self._above():
            if not _is_ours(folder):
                folder.mkdir(mode=0o700, parents=folder == self.root)
                _sync(folder.parent)


def _is_ours(folder: Path) -> bool:
    """Whether the folder is there. Raises ArchiveFault for a link, and for a folder in which others could have put
    something; the archive's own path may be a link, for a person has chosen it."""
    try:
        status = folder.lstat()
    except FileNotFoundError:
        return False
    path = str(folder)
    if not stat.S_ISDIR(status.st_mode):
        why = sentence("{path} is a link or a file, and not a folder", path=path)
    elif belongs_to_others(status):
        why = sentence("{path} belongs to another user", path=path)
    elif is_open_to_all(status):
        why = sentence("everybody can write to {path}", path=path)
    else:
        return True
    raise ArchiveFault(why, f"ls -l {folder.parent}")


def _opened(path: Path) -> BinaryIO:
    """A file for reading; no link is followed."""
    return os.fdopen(os.open(path, os.O_RDONLY | NO_LINK), "rb")


def _write(path: Path, content: bytes) -> None:
    """Makes the file (mode 0400) with this content, and puts it on disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_LINK, 0o400)
    try:
        for start in range(0, len(content), CHUNK):
            rest = memoryview(content)[start : start + CHUNK]
            while rest:
                rest = rest[os.write(handle, rest) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync(folder: Path) -> None:
    """Puts the names in the folder on disk."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove(path: Path) -> None:
    """Removes what a run left unfinished; a link itself, never what it leads to."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _first_page(name: str) -> str:
    """The first of the files that belong to one document; the file itself where there is but one."""
    return re.sub(r"\d+(?=\.json$)", "1", name) if name.startswith("rows-") else name


def _sums_text(sums: Mapping[str, str]) -> bytes:
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(sums.items())).encode()


@contextmanager
def _own_faults(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = sentence("{path}: {error}", path=str(path), error=error.strerror or type(error).__name__)
        raise ArchiveFault(why, _disk_hint()) from None


def _disk_hint() -> Sentence:
    return sentence("check the folder of {key} in profiles.toml, its disk and its owner", key="archive")


def _verify_hint() -> Sentence:
    return sentence("see what else has changed: {command}", command="klarna24 archive --verify")
