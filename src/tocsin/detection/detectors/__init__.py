"""The ways to be surprised: one a file, pure, over columns. They propose; ``episodes`` makes findings of it."""
