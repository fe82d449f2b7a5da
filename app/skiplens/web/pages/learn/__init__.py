"""The story: why a skip helps, in ten steps on one's own digit."""

from skiplens.web.pages.learn.page import LearnPageDep

__all__ = ["LearnPageDep"]
