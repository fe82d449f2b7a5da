"""Every kind of page by name, for browser tests and for screenshots."""

from typing import Final

from skiplens.web.pages.learn import steps

STEPS: Final = tuple(step.name for step in steps.STEPS)
"""Of the story."""
GALLERY: Final = "/networks/mnist-resnet/digits/{digit}"
ROWS: Final = "/networks/mnist-rows/digits/{digit}"
PAGES: Final = {
    "gallery": GALLERY,
    "gallery without a block": f"{GALLERY}?scale=block2:0",
    "gallery with gates": "/networks/mnist-highway/digits/{digit}",
    "gallery of the classic network": "/networks/mnist-classic/digits/{digit}",
    "layer": f"{GALLERY}/layers/block1.output",
    "filter": f"{GALLERY}/layers/block1.conv1/filters/3",
    "filter of the stem": f"{GALLERY}/layers/stem.conv/filters/0",
    "block": f"{GALLERY}/blocks/block2",
    "block with a gate": "/networks/mnist-highway/digits/{digit}/blocks/block2",
    "blocks": f"{GALLERY}/blocks",
    "blocks with gates": "/networks/mnist-highway/digits/{digit}/blocks",
    "blocks without identity paths": "/networks/mnist-plain/digits/{digit}/blocks",
    "pictures of 2016": "/networks/mnist-classic/digits/{digit}/classic",
    "comparison": "/compare?a=mnist-resnet/{digit}&b=mnist-resnet/{other}",
    "gallery of rows": ROWS,
    "block of rows": f"{ROWS}/blocks/block1",
    "state of a GRU": f"{ROWS}/layers/block1.states/filters/7?at=0,14",
    "blocks of rows": f"{ROWS}/blocks",
    "comparison of rows": "/compare?a=mnist-rows/{digit}&b=mnist-rows-plain/{digit}",
    **{f"story: {step}": f"/learn/{step}?digit={{digit}}" for step in STEPS},
    "story for a class": "/learn/block?digit={digit}&present=1&lesson=abcdefgh",
    "story for a pupil": "/learn/block?digit={digit}&lesson=abcdefgh",
    "page of a pupil": "/learn/class/mnpqrstu",
    "story on paper": "/learn/handout?digit={digit}",
    "experiments": "/experiments",
    "experiment on depth": "/experiments/depth",
    "experiment that removes blocks": "/experiments/removal?network=mnist-resnet&scale=block2:0",
    "experiment that scales branches": "/experiments/scale?network=mnist-resnet",
    "experiment that reorders blocks": "/experiments/order?order=block9,block2",
    "experiment on early exits": "/experiments/early-exits?network=mnist-resnet",
    "experiment on votes": "/experiments/votes",
    "experiment on gradients": "/experiments/gradients",
    "experiment on classes": "/experiments/classes?after=20",
    "embedded map": f"{GALLERY}?embed",
    "embedded layer": f"{GALLERY}/layers/block1.output?embed",
    "embedded block": f"{GALLERY}/blocks/block2?embed",
    "embedded experiment": "/experiments/depth?embed",
    "data set": "/networks/mnist-resnet/dataset",
    "error": "/nowhere",
    "expired digit": "/networks/mnist-resnet/digits/0123456789abcdef",
    "documentation": "/docs",
}
