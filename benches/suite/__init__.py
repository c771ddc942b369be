"""What `bench` is made of. Python's standard library only."""
