"""Prometheus series, from domain events only."""
