"""One file a kind of channel: what it is told, in its own form."""
