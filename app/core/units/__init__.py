"""One value of a map, worked out again step by step."""
