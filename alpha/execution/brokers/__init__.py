"""Venues: one file each, dropped in here and registered by that."""
