"""The logs of jobs as the page shows them: the last lines, harmless, and what is written after them."""
