"""Compare the lake with a source database, row by row. The reading of MongoDB is the connector's."""
