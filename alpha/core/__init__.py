"""Types of the domain, errors, plugin registries, calendars, logs and content hashes. Imports nothing else of alpha."""
