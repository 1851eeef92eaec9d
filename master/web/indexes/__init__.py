"""What lets the page answer of 100,000 jobs as quickly as of a hundred, brought up to date as they move."""
