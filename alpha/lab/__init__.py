"""Experiments on Alpha itself: planted leaks, calibration in invented markets, and the smoke run."""
