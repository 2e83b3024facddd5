"""Says why a command has ended, in the language of the profiles, or of the environment where that is unknown."""

from pathlib import Path

from klarna24.cli.output.lines import print_error, print_problems
from klarna24.config.loading import read_languages
from klarna24.errors import Klarna24Error
from klarna24.run.stopping import Stopped
from klarna24.text.reader import Reader
from klarna24.text.sentences import sentence


def reader_of_file(path: Path | None) -> Reader:
    """Of whoever reads about a file as a whole, which may be faulty or missing."""
    return Reader.shared(read_languages(path))


def said(end: Klarna24Error | Stopped, path: Path | None) -> int:
    """Say it, and return the exit code. ``path`` is that of profiles.toml, if the command line names it."""
    reader = reader_of_file(path)
    if isinstance(end, Klarna24Error):
        print_problems(end.problems(), None, reader)
    else:
        text = sentence("stopped by {signal}; the next run carries on", signal=end.name)
        print_error(f"klarna24: {reader.say(text)}", is_temporary=True)
    return end.exit_code
