"""Jobs files of stages: one script makes base models, another starts from them, each with jobs of its own."""
