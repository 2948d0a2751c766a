"""Risk models: machines that take in one bar after another and estimate how the next returns move together.

A module a model; found through `alpha.portfolio.risk_model`. `machine.RiskModel` is their base.
"""
