"""The conditions under which a plan holds."""
