"""Generated pages of the documentation: each module returns one page."""
