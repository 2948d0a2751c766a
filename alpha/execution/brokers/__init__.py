"""Brokers, a module each: `alpha.execution.broker` finds them here."""
