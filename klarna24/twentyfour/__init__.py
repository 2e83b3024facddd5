"""24SevenOffice; the only package that imports zeep."""
