"""A mixed load for as long as one likes: `./dev soak --minutes N`."""
