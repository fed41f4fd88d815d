"""Nightly and weekly reports: collected from one lake version, rendered as pages and CSV, published, mailed, served."""
