"""Built-in architectures, networks and examples, as JSON data."""
