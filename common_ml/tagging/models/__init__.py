"""What an author extends."""
