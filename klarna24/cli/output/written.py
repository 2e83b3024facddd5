"""Files that a person asks for by an option: written as a whole or not at all."""

import stat
from pathlib import Path

from klarna24 import files
from klarna24.errors import ConfigFault, UsageFault
from klarna24.text.clean import clean
from klarna24.text.sentences import sentence


def refuse_unfit(path: Path) -> None:
    """Raises UsageFault unless a file can stand there. A link is refused, since what it leads to would be replaced
    or left as it is, and neither may be meant; so is what is no file, such as a device."""
    shown = clean(str(path))
    hint = sentence("name a file in a folder that exists")
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise UsageFault(sentence("{path}: its folder does not exist", path=shown), hint) from None
        return
    except OSError as error:
        raise _unwritten(path, error) from None
    if stat.S_ISLNK(mode):
        raise UsageFault(sentence("{path} is a link", path=shown), sentence("name the file itself"))
    if not stat.S_ISREG(mode):
        raise UsageFault(sentence("{path} is not a file", path=shown), hint)


def write(path: Path, text: str) -> None:
    """Make or replace the file (UTF-8, for its owner alone). Raises UsageFault, and ConfigFault where it cannot be
    written: then an older file is still whole."""
    refuse_unfit(path)
    try:
        files.replace(path, text)
    except OSError as error:
        raise _unwritten(path, error) from None


def _unwritten(path: Path, error: OSError) -> ConfigFault:
    why = error.strerror or type(error).__name__
    message = sentence("{path} cannot be written: {why}", path=clean(str(path)), why=why)
    return ConfigFault(message, sentence("name another file, or free space on its disk"))
