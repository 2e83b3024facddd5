"""The check of the archive: a run that cannot write there drafts all the same, and says so as a remark."""

import shutil
from collections.abc import Iterator

from klarna24.archive.folder import ArchiveFault, try_to_write
from klarna24.check.result import Check
from klarna24.check.state import MIN_FREE_BYTES
from klarna24.config.loading import Config
from klarna24.config.tables import Profile


def check_archive(profile: Profile, config: Config) -> Iterator[Check]:
    """Write a file into the archive and remove it, where there is an archive; its folder is created."""
    if config.archive is None:
        return
    root = config.archive.resolve()
    try:
        try_to_write(root, profile.name)
    except ArchiveFault as error:
        yield Check("archive", "advice", f"nothing can be archived: {error.message}", error.hint)
        return
    free = shutil.disk_usage(root).free
    megabytes = f"{free / 10**6:,.0f} MB free"
    if free < MIN_FREE_BYTES:
        yield Check("archive", "advice", f"{root}: only {megabytes}", f"free disk space: df -h {root}")
    else:
        yield Check("archive", "ok", f"{root}: test write succeeded, {megabytes}")
