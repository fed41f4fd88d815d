"""From a request that writes to what is published of it: read, judged, compared, kept, sent."""
