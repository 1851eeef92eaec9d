"""Jobs files whose base models start from others: stages that each add fields."""
