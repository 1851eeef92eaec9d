"""How true the time is that a run says it still takes, by replaying journals."""
