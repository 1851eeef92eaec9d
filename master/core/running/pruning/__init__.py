"""Jobs of a search that do worse than others like them are stopped early, and some go on later."""
