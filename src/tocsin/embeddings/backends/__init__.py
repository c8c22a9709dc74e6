"""The adapters behind the port of embeddings."""
