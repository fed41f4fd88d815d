"""From a change to a message: filter, mask, transform, route, envelope."""
