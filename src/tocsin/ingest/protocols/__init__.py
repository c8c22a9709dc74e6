"""One file a protocol: each turns a request's bytes into ``RecordColumns`` and rejects, and nothing else."""
