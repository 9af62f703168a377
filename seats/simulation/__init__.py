"""Routing policies tried on made-up or recorded callers, on virtual time. Imports the domain only."""
