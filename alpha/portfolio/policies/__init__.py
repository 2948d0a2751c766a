"""Policies: from a view to the weights wanted, a module a family. Found through `alpha.portfolio.policy`."""
