"""Checks of bars before they are used: each finding has a stable code; errors refuse the data."""
