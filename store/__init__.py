"""What survives a crash: the queue, the ledger, the holds, in one SQLite file."""
