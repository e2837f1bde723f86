"""The tags file: one message as one line of JSON, its writer, its reader, and resume state."""
