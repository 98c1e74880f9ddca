"""What protects the user: arrays that changed, debug mode, and the texts of all that is refused."""
