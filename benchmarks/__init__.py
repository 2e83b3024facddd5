"""What klarna24 costs, beside bare scripts that do the same: ``python -m benchmarks``.

-   __main__.py   the parts, the table, the JSON
-   limits.py     what each figure may be at most
-   parts.py      what is measured, and how each ratio is made
-   measure.py    one command as a child: seconds, peak memory
-   stage.py      what a part plays on: the server's process, profiles.toml
-   server.py     both vendors on loopback, as bytes prepared beforehand
-   payouts.py    a payout of so many rows
-   bare_zeep.py  the bare script: requests and zeep
-   bare_lxml.py  the same, its save written with lxml alone
"""
