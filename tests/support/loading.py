"""Which modules a command loads, in a process of its own."""

import os
from collections.abc import Iterable

from tests.support import python


def uncounted() -> dict[str, str]:
    """The environment without coverage, which would load modules and take time in a child."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}


def loaded_by(arguments: Iterable[str], watched: Iterable[str]) -> tuple[int, list[str]]:
    """klarna24's exit code with these arguments, and the watched modules that it has loaded by its end."""
    script = (
        "import sys\n"
        "from klarna24.__main__ import main\n"
        f"sys.argv = ['klarna24', *{list(arguments)!r}]\n"
        "try:\n    main()\n"
        "finally:\n"
        f"    print(*sorted({set(watched)!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    ended = python("-c", script, env=uncounted(), timeout=30)
    return ended.returncode, ended.stderr.splitlines()[-1].split()
