"""24SevenOffice's SOAP services; no other package talks to them or imports zeep."""
