"""Files beside the lake: in a directory or a bucket, of a partition, of the archive."""
