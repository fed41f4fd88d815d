"""The console and the stock service in one process, on one port: one picture in memory serves both."""
