"""The state on a PostgreSQL server: the only package that imports psycopg.

- opening.py     the schema is made, brought up to date, and compared with what this host remembers
- connecting.py  a connection is made: TLS, durability, limits of time
- connection.py  statements, transactions, the lock of a run; made anew where it breaks
- rows.py        statements and rows in the words of psycopg
- schema.py      the tables, by numbered steps
- errors.py      what the server's errors mean to a run
"""
