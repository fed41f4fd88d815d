"""Read models that all surfaces share: alerts, explanations, ids, counts. Not here: how they are shown."""
