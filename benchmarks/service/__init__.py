"""The stock service: its answers under load (`load`), and what they are compared with (`bare`)."""
