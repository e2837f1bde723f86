"""Run the daemon: paths on stdin, the ledger of files, and reports of uncaught exceptions."""
