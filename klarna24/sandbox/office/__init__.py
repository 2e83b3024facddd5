"""24SevenOffice's SOAP services, simulated."""
