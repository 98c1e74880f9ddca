"""The machines that plans are made for."""
