"""The service: remote call-center seats."""
