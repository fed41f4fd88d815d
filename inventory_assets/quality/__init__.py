"""Whether the data can be trusted: rules, their verdicts, the health of the pipeline.

Not here: stopping what reads it.
"""
