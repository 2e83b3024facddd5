"""Starts one command, waits for it, and says on stdout what it cost: seconds, processor seconds, peak KiB, status.

A program of its own (``python -I -S launch.py COMMAND …``), and as small as can be: Linux counts what the parent
had in memory when it forked as the child's own peak. What the command says goes to stderr.
"""

import os
import sys
import time


def main() -> None:
    started = time.perf_counter()
    child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    sys.stdout.write(f"{seconds} {usage.ru_utime + usage.ru_stime} {usage.ru_maxrss} {code}\n")


if __name__ == "__main__":
    main()
