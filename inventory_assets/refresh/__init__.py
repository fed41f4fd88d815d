"""What schedules compute and bursts only read: velocity, coverage, dynamic limits, incidents, products."""
