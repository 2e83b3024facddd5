"""``klarna24`` and ``python -m klarna24``."""

import sys


def main() -> None:
    from klarna24.cli.main import run  # noqa: PLC0415 - a broken install is told by the traceback of this line

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
