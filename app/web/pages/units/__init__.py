"""One value of a map on its filter's page: the arithmetic behind it, laid out to be followed."""
