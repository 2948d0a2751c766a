"""Pages of the documentation that are generated from the code: each module returns one."""
