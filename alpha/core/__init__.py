"""The vocabulary: nouns, errors, registry, calendar and identity. Imports nothing else of alpha."""
