"""The tests: a package, so that no other of its name takes its place."""
