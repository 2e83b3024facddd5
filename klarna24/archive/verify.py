"""Read every file of the archive and compare it with what the state knows. Changes nothing."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from klarna24.archive.folder import ArchiveFault, PayoutFolder
from klarna24.archive.names import SUMS, safe_profile
from klarna24.errors import Problem
from klarna24.state.evidence import Evidence
from klarna24.state.records import Owner, Row
from klarna24.state.store import State
from klarna24.text.sentences import Sentence, sentence

MOST_NAMES = 20  # of payouts in a line


class Verified(NamedTuple):
    """How many payouts and files were read, and a problem for each file that is not as it was archived, and for
    the payouts of which nothing is."""

    payouts: int
    files: int
    problems: list[Problem]


def verify(root: Path, state: State, owner: Owner, wanted: Callable[[Row], bool]) -> Verified:
    """Of the profile's payouts that are wanted; of the others nothing is said. Raises StateFault."""
    everything = [it for files in state.evidence().values() for it in files if not it.is_waiting]
    evidence = state.evidence(owner)
    rows = [row for row in state.payouts_of(owner) if wanted(row)]
    folders: dict[str, list[Evidence]] = {}
    for row in rows:
        for it in evidence.get(row.id, []):
            if not it.is_waiting:
                folders.setdefault(it.folder, []).append(it)
    problems = [problem for relative, files in folders.items() for problem in _folder(root, relative, files)]
    known = {it.name for it in everything} | {f"{it.folder}/{SUMS}" for it in everything}
    left_out = {it.folder for it in everything} - folders.keys()
    if left := [row for row in rows if not any(not it.is_waiting for it in evidence.get(row.id, []))]:
        problems.append(_nothing_of(left))
    tops = {safe_profile(owner.profile), *(relative.partition("/")[0] for relative in folders)}
    for top in sorted(tops):
        unknown = [
            name for name in _on_disk(root, top) if name not in known and name.rpartition("/")[0] not in left_out
        ]
        problems += _unknown(unknown, folders)
    return Verified(len(folders), sum(map(len, folders.values())), problems)


def _folder(root: Path, relative: str, files: list[Evidence]) -> Iterator[Problem]:
    """The problems of one payout's folder."""
    folder = PayoutFolder(root, relative)
    restore = sentence("restore it from a backup")
    fill = sentence("fetch it again, or restore it from a backup: {command}", command="klarna24 archive")
    sums = {it.file: it.sha256 for it in files}
    try:
        is_there = folder.exists()
        for it in files:
            if not is_there or not folder.has(it.file):
                hint = restore if it.file.startswith("voucher") else fill  # nobody else has what was sent
                yield _problem(sentence("{file} is missing in the archive", file=it.name), hint)
            elif folder.sum(it.file).sha256 != it.sha256:
                yield _problem(sentence("{file} has changed since it was archived", file=it.name), restore)
        if is_there and folder.listed() != sums:
            name = f"{relative}/{SUMS}"
            yield _problem(sentence("{file} does not list the files as they were archived", file=name), restore)
    except ArchiveFault as error:
        yield error.problem()


def _nothing_of(rows: Sequence[Row]) -> Problem:
    names = [row.key.payment_reference for row in rows]
    more = sentence(" and {number} more", number=len(names) - MOST_NAMES) if len(names) > MOST_NAMES else ""
    message = sentence(
        "nothing is archived of: {names}{more}",
        names=", ".join(names[:MOST_NAMES]),
        more=more,
    )
    return _problem(message, sentence("fetch it: {command}", command="klarna24 archive"))


def _unknown(names: Sequence[str], folders: Collection[str]) -> Iterator[Problem]:
    """A problem for each file that the state does not know; one for a folder of which it knows no file."""
    hint = sentence(
        "after state new, or with an older state, {sync} and then {archive} take it over; else see who has put it "
        "there",
        sync="klarna24 sync --now",
        archive="klarna24 archive",
    )
    by_folder: dict[str, list[str]] = {}
    for name in names:
        by_folder.setdefault(name.rpartition("/")[0], []).append(name)
    for folder, its in by_folder.items():
        if len(its) > 1 and folder not in folders:
            yield _problem(
                sentence(
                    "{folder}: none of its {number} files is of this archive", folder=folder, number=len(its)
                ),
                hint,
            )
        else:
            yield from (_problem(sentence("{file} is not of this archive", file=name), hint) for name in its)


def _on_disk(root: Path, top: str) -> Iterator[str]:
    """The paths of all files and links below this folder, as the state names them."""
    for path in sorted((root / top).rglob("*")):
        if path.is_symlink() or not path.is_dir():
            yield path.relative_to(root).as_posix()


def _problem(message: Sentence, hint: Sentence) -> Problem:
    return ArchiveFault(message, hint).problem()
