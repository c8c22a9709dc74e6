"""What traces say of an incident's cause: clues of a time against other times, and whom they speak against. Pure."""
