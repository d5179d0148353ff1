"""The answers that a cache keeps, which requests each of them serves, and how one goes on from them."""
