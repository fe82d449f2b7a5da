"""Programs that generate files of the project; run them as ``python -m scripts.<name>``."""
