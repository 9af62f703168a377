"""What people see: sign-in, desk, wallboard, admin, JSON API, live feed."""
