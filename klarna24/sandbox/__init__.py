"""Klarna's and 24SevenOffice's APIs, simulated on one loopback port for tests, trials and the demo.

The sandbox imports nothing from the rest of klarna24. It is a second, independent reading of the vendors'
contracts (docs/vendors/), so that the client is not tested against its own misunderstandings.
"""
