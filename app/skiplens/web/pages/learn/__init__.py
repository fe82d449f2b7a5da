"""The story: why a skip helps, in eleven steps on one's own digit."""
