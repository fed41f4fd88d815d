"""The picture of the newest version, loaded from the lake and kept up to date from the journal."""
