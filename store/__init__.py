"""What survives a crash: the dirty set, the ledger, the holds, in one SQLite file."""
