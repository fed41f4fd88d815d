"""Functions that judge what SQL does not do, for the rules in `rules`."""
