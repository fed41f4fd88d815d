"""What the stock service answers from: the current rows of the lake in memory, and what each replaced lately."""
