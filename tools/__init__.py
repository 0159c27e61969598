"""What agents and graders may use beside models: a place where foreign programs run, shut in."""
