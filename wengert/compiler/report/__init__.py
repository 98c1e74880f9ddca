"""What a plan is and does, as text, pictures and figures."""
