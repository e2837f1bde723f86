"""Read `--params`: parsing, the SDK's own options, and validation against a schema."""
