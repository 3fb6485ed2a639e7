"""What a replica holds in memory, part by part."""
