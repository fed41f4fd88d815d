"""The stock service: what there is of what, over HTTP, from a picture in memory; and changes, as events."""
