"""The figures that jobs left: in JSON, in CSV logs of training libraries, in TensorBoard's event files."""
