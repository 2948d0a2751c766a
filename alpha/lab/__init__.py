"""Experiments on Alpha itself: planted leaks, worlds of noise, and the whole path in one command."""
