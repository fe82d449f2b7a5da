"""What skiplens costs, as ratios within one run, and how it reads photographs: ``make bench``."""
