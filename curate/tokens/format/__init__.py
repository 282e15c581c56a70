"""The shard format, described in docs/shards.md: its files, writing, reading, checking."""
