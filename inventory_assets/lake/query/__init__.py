"""Read the lake: readers, lists of ids, current rows, earlier versions. Nothing here writes."""
