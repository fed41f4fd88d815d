"""Rules and plans tried on history, without touching the lake. The simulation itself is `domain.backtest`."""
