"""The table of search by meaning."""

from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from tocsin.database.tables import Table


class PatternEmbeddingRow(Table):
    """The vector of what a pattern's template says. Can be made again: it is kept because that takes minutes."""

    __tablename__ = "pattern_embeddings"

    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organizations.id", ondelete="CASCADE"), primary_key=True)
    #: Of the model, with its version: vectors of another are not comparable.
    model: Mapped[str] = mapped_column(Text, primary_key=True)
    #: See ``words.TemplateWords``.
    text_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    #: 16-bit floats, little-endian.
    vector: Mapped[bytes] = mapped_column(LargeBinary)
