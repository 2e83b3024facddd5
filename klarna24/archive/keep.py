"""Keep what is missing of each payout: ask the state what that is, Klarna for it, write it, and tell the state.

Nothing here raises for a document that cannot be had or written: it is a remark on its payout, and is tried again
at the next run. Only the state raises, which nothing can go on without.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from klarna24.archive.documents import digest_of
from klarna24.archive.folder import ArchiveFault, PayoutFolder, Sum, sum_of
from klarna24.archive.names import (
    Document,
    Kind,
    document_of,
    file_names,
    folders_of_others,
    own_folders,
    payout_folder,
)
from klarna24.bookkeeping.payout import Listed, PayoutKey, may_be_same
from klarna24.bookkeeping.remarks import Remark
from klarna24.errors import BadAnswer, CredentialsFault, Klarna24Error, Problem, Unavailable
from klarna24.klarna.answers import Unreadable, parse_payout
from klarna24.klarna.client import KlarnaClient
from klarna24.state.evidence import Evidence
from klarna24.state.records import Owner, Row
from klarna24.state.store import State
from klarna24.text.sentences import Sentence, sentence

ABOUT = "archive"  # whose remarks these are
OF_KLARNA: tuple[Kind, ...] = ("payout", "rows", "pdf", "csv")
DOCUMENTS, SECONDS = 200, 60.0  # what a run fetches at most, so that ten years of payouts do not hold it up
AMBIGUOUS = sentence(
    "Klarna finds reports by the reference alone, and another merchant or currency has a payout of the same one"
)
MOST_UNANSWERED = 3  # payouts in one run for which Klarna gives no answer: it is asked for no more


@dataclass
class Limits:
    """How many documents of Klarna's one run fetches, and for how many seconds it begins another one."""

    documents: int
    seconds: float
    _ends: float = field(init=False)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + self.seconds

    def take(self) -> bool:
        """Return whether one more may be fetched."""
        self.documents -= 1
        return self.documents >= 0 and time.monotonic() < self._ends


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one payout: the files that were added, and what could not be had or written."""

    key: PayoutKey
    files: list[str]
    problems: list[Problem]

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """The problems as they stand beside the payout."""
        return tuple(Remark(problem.message, about=ABOUT) for problem in self.problems)


class _LimitReached(Exception):
    """The next run goes on from here."""


@dataclass
class Keeper:
    """``listed`` are the payouts as Klarna lists them now; ``on_disk`` also looks for files that the state knows
    and that are no longer there."""

    root: Path
    klarna: KlarnaClient
    state: State
    owner: Owner
    listed: Mapping[PayoutKey, Listed] = field(default_factory=dict)
    limits: Limits = field(default_factory=lambda: Limits(DOCUMENTS, SECONDS))
    on_disk: bool = False

    def keep(self, wanted: Callable[[Row], bool] = lambda _: True) -> list[Kept]:
        """Keep what is missing of the profile's payouts, the newest first, and those with a fault last. Returns
        what became of each that lacked anything. Raises StateFault and Locked."""
        rows = self.state.payouts_of(self.owner) if self.on_disk else self._candidates()
        evidence = self.state.evidence_of(rows)
        payouts = [_Payout(self, row, evidence.get(row.id, [])) for row in rows]
        todo = [it for it in reversed(payouts) if wanted(it.row) and it.lacks_anything()]
        done, unanswered = list[Kept](), 0
        for payout in sorted(todo, key=lambda it: it.has_remark):
            kept = payout.keep()
            self.state.remark(self.owner, [(kept.key, kept.remarks)], about=ABOUT)
            done.append(kept)
            unanswered += payout.is_unanswered
            if payout.is_last or unanswered >= MOST_UNANSWERED:
                break
        return done

    def _candidates(self) -> list[Row]:
        """The payouts that may lack anything, oldest first: after years, a small part of all."""
        listed = self.state.rows(self.owner, self.listed).values()
        own = [row for row in listed if row.profile == self.owner.profile]
        found = {row.id: row for row in (*own, *self.state.incomplete(self.owner, ABOUT))}
        return sorted(found.values(), key=lambda row: (row.payout_date, row.id))


class _Payout:
    """One payout, and what the state knows to be in the archive of it."""

    def __init__(self, keeper: Keeper, row: Row, evidence: list[Evidence]) -> None:
        self.row = row
        self.is_last = False  # others would meet the same: the limit, a full disk, refused credentials
        self.is_unanswered = False  # Klarna did not answer
        self._is_another = False  # its reference leads to another payout, and so would the reports
        self.has_remark = any(remark.about == ABOUT for remark in row.remarks)
        self._keeper = keeper
        self._waiting = [it for it in evidence if it.is_waiting]
        self._files = {it.file: it for it in evidence if not it.is_waiting}
        self._problems: list[Problem] = []
        self._documents: dict[str, bytes] = {}

    def lacks_anything(self) -> bool:
        """Whether there is anything to do; of a payout with a remark at least whether it still holds."""
        lacks = self.has_remark or self._waiting or self._missing() or self._has_changed() or self._lost()
        return bool(lacks or self._has_unknown())

    def keep(self) -> Kept:
        """Each document that can be had, in one go; a new folder is made with all of them."""
        files: list[str] = []
        try:
            folder = self._folder()
            self._settle(folder)
            waited = dict(zip(self._voucher_names(), self._waiting, strict=True))
            self._documents = {name: (it.note or "").encode() for name, it in waited.items()}
            with suppress(_LimitReached):
                self._fetch()
            if self._documents:
                sums = folder.add(self._documents)
                self._store(folder, sums, list(waited.values()), note=self._digest())
                files = list(sums)
        except ArchiveFault as error:
            self.is_last = not error.is_of_one
            self._problem(error, _could_not(None, error.message))
        for name in self._lost():
            message = sentence("{file} is gone from the archive, and cannot be fetched again", file=name)
            self._problem(ArchiveFault(message, sentence("restore it from a backup")), message)
        return Kept(self.row.key, files, self._problems)

    def _fetch(self) -> None:
        if self._has_changed():
            self._compare()
        for kind in self._missing():
            if self.is_unanswered:
                return
            if kind != "payout" and self._keeper.state.shares_reference(self._keeper.owner, self.row.key):
                message = sentence("{why}: transactions and reports are not archived", why=AMBIGUOUS)
                self._problem(ArchiveFault(message, sentence("save them from Klarna's merchant portal")), message)
                return
            pages = self._ask(kind)
            if kind == "payout" and self._is_another:
                return
            if pages:
                names = file_names(Document(kind, self._version), len(pages))
                self._documents |= zip(names, pages, strict=True)

    def _compare(self) -> None:
        """Klarna's figures are not those for which its JSON was fetched: where that is another one now, all is
        fetched anew, and both versions are kept."""
        (name,) = file_names(Document("payout", self._version))
        if not (pages := self._ask("payout")):
            return
        if sum_of(pages[0]).sha256 == self._files[name].sha256:
            self._files[name] = self._files[name]._replace(note=self._digest())
            self._keeper.state.note_evidence(self._files[name])
        else:
            (name,) = file_names(Document("payout", self._version + 1))
            self._documents[name] = pages[0]

    def _ask(self, kind: Kind) -> list[bytes] | None:
        """The pages of the document as Klarna sends them; None where it cannot be had."""
        if not self._keeper.limits.take():
            self.is_last = True
            raise _LimitReached
        try:
            return list(self._answer(kind))
        except (Unavailable, CredentialsFault) as error:
            self.is_last = isinstance(error, CredentialsFault)
            self.is_unanswered = not isinstance(error, BadAnswer)
            self._problem(error, _could_not(kind, error.message))
            return None

    def _answer(self, kind: Kind) -> Iterable[bytes]:
        klarna, reference = self._keeper.klarna, self.row.key.payment_reference
        match kind:
            case "rows":
                return klarna.raw_rows(reference)
            case "pdf" | "csv":
                return [klarna.report(reference, kind)]
        payout = klarna.raw_payout(reference)
        if not _is_of(payout, self.row.key):
            self._is_another = True
            raise BadAnswer(sentence("Klarna answers with another payout of that reference"))
        return [payout]

    def _store(
        self, folder: PayoutFolder, sums: Mapping[str, Sum], waited: list[Evidence], note: str | None
    ) -> None:
        of_payout = {name for name in sums if name.startswith("payout")}
        files = {
            name: Evidence(self.row.id, f"{folder.relative}/{name}", *it, note if name in of_payout else None)
            for name, it in sums.items()
        }
        self._keeper.state.keep_evidence(self._keeper.owner, files.values(), waited)
        self._files |= files

    # What is there

    @property
    def _version(self) -> int:
        """Of Klarna's documents, the one that is to be complete: the last whose JSON is there."""
        return max((it.version for it in self._known("payout")), default=1)

    def _known(self, kind: Kind) -> Iterator[Document]:
        for name in (*self._files, *self._documents):
            if (document := document_of(name)) and document.kind == kind:
                yield document

    def _missing(self) -> list[Kind]:
        """What Klarna has to be asked for."""
        gone, version = {*map(document_of, self._gone())}, self._version
        wanted = [(kind, Document(kind, version)) for kind in OF_KLARNA]
        return [kind for kind, document in wanted if document in gone or document not in {*self._known(kind)}]

    def _gone(self) -> list[str]:
        """Files that the state knows and that are not in the archive any more; looked for by the command alone."""
        if not self._keeper.on_disk:
            return []
        root = self._keeper.root
        return [
            name
            for name, it in self._files.items()
            if not (root / it.name).exists() and name not in self._documents
        ]

    def _lost(self) -> list[str]:
        """What is gone and cannot be had again: vouchers, and what Klarna has changed since."""
        again = {Document(kind, self._version) for kind in OF_KLARNA}
        return [name for name in self._gone() if document_of(name) not in again]

    def _has_unknown(self) -> bool:
        """Whether SHA256SUMS lists a file that the state does not know, for the state is older than the archive;
        looked for by the command alone."""
        if not (self._keeper.on_disk and self._files):
            return False
        try:
            folder = self._folder()
            return folder.exists() and any(
                document_of(name) and name not in self._files for name in folder.listed()
            )
        except ArchiveFault:
            return True  # keep() says which

    def _has_changed(self) -> bool:
        known = self._files.get(file_names(Document("payout", self._version))[0])
        return bool(self.row.key in self._keeper.listed and known and known.note != self._digest())

    def _digest(self) -> str:
        listed = self._keeper.listed.get(self.row.key)
        return digest_of(listed.figures if listed else self.row.totals)

    def _folder(self) -> PayoutFolder:
        """Where its files are, or else a folder of its own."""
        root = self._keeper.root
        for it in self._files.values():
            return PayoutFolder(root, it.folder)
        is_alone = not self._keeper.state.namesakes(self._keeper.owner, self.row.key)
        folder = PayoutFolder(root, payout_folder(self.row, is_alone=is_alone))
        if is_alone and not folder.exists() and (older := self._older_folder()):
            return older
        if self._may_be_in(folder):
            return folder  # a new one, or that of a run that was killed, or of a state that was lost
        return PayoutFolder(root, payout_folder(self.row, is_alone=False))

    def _older_folder(self) -> PayoutFolder | None:
        """Of a state that was lost: under another date, for Klarna's could not be read, or under another profile's
        name."""
        root = self._keeper.root
        for it in [PayoutFolder(root, it) for it in own_folders(root, self.row)]:
            if it.exists() and self._may_be_in(it):
                return it
        for it in [PayoutFolder(root, it) for it in folders_of_others(root, self.row)]:
            if it.exists() and it.has("payout.json") and self._may_be_in(it):
                return it
        return None

    def _may_be_in(self, folder: PayoutFolder) -> bool:
        return not folder.has("payout.json") or _is_of(folder.read("payout.json"), self.row.key)

    def _settle(self, folder: PayoutFolder) -> None:
        """What a run that was killed has left is put in order, and stored where the state does not know it."""
        found = {name: it for name, it in folder.settle().items() if name not in self._files}
        written = {it.sha256 for name, it in found.items() if name.startswith("voucher")}
        waited = [it for it in self._waiting if it.sha256 in written]
        if found:
            self._store(folder, found, waited, note=None)
        self._waiting = [it for it in self._waiting if it not in waited]

    def _voucher_names(self) -> list[str]:
        """Of the vouchers that wait, in the order in which they were sent."""
        last = max((it.version for it in self._known("voucher")), default=0)
        numbers = range(last + 1, last + 1 + len(self._waiting))
        return [file_names(Document("voucher", number))[0] for number in numbers]

    def _problem(self, error: Klarna24Error, message: Sentence) -> None:
        reference = self.row.key.payment_reference
        self._problems.append(error.problem()._replace(message=message, payment_reference=reference))


def _is_of(content: bytes, key: PayoutKey) -> bool:
    """Whether it is Klarna's JSON of this payout and of no other one of its reference. What cannot be read of it
    may be of this one, as in Klarna's list."""
    with suppress(Unreadable):
        return may_be_same(parse_payout(content).key, key)
    return False


def _could_not(kind: Kind | None, why: str) -> Sentence:
    match kind:
        case "payout":
            return sentence("Klarna's record could not be archived: {why}; the next run tries again", why=why)
        case "rows":
            return sentence("the transactions could not be archived: {why}; the next run tries again", why=why)
        case "pdf":
            return sentence("the PDF report could not be archived: {why}; the next run tries again", why=why)
        case "csv":
            return sentence("the CSV report could not be archived: {why}; the next run tries again", why=why)
    return sentence("nothing could be archived: {why}; the next run tries again", why=why)
