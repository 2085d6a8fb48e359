"""Local stand-ins for the outside world, for the demo and the tests; imported by nothing else."""
