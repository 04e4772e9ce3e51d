"""Faults played on the package: what was acknowledged is kept, and nothing half-written is read as whole."""
