"""The check of the archive: a run that cannot write there drafts all the same, and says so as a remark."""

import shutil
from collections.abc import Iterator

from klarna24.archive.folder import ArchiveFault, try_to_write
from klarna24.check.result import Check
from klarna24.check.state import MIN_FREE_BYTES
from klarna24.config.loading import Config
from klarna24.config.tables import Profile
from klarna24.text.sentences import sentence

ARCHIVE = sentence("archive")


def check_archive(profile: Profile, config: Config) -> Iterator[Check]:
    """Write a file into the archive and remove it, where there is an archive; its folder is created."""
    if config.archive is None:
        return
    root = config.archive.resolve()
    try:
        try_to_write(root, profile.name)
    except ArchiveFault as error:
        message = sentence("nothing can be archived: {why}", why=error.message)
        yield Check(ARCHIVE, "advice", message, error.hint)
        return
    free = shutil.disk_usage(root).free
    megabytes = free // 10**6
    if free < MIN_FREE_BYTES:
        message = sentence("{folder}: only {megabytes} MB free", folder=str(root), megabytes=megabytes)
        yield Check(ARCHIVE, "advice", message, sentence("free disk space: {command}", command=f"df -h {root}"))
    else:
        message = sentence(
            "{folder}: test write succeeded, {megabytes} MB free", folder=str(root), megabytes=megabytes
        )
        yield Check(ARCHIVE, "ok", message)
