"""What is kept of trained models: the models themselves, the report, plots and logs."""
