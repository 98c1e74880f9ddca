"""Reports of plans: as text, drawings and measurements."""
