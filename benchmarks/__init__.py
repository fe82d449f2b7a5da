"""What skiplens costs, as ratios within one run: ``make bench``."""
