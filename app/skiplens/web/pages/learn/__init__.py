"""The story: why a skip helps, in ten steps on one's own digit."""
