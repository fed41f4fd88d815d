"""The journal: where a version is durable first, before it lands in the lake with others."""
