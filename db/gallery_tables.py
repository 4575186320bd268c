"""The tables a gallery is looked through in."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Row


class GalleryRow(Row):
    """A painted Picture as it is looked for: narrow, for it is walked through; words: its Prompt in lower case."""

    __tablename__ = "gallery"
    __table_args__ = (Index("gallery_of_picture", "picture_id", unique=True),)

    person: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    picture_id: Mapped[str] = mapped_column(
        ForeignKey("pictures.id", ondelete="CASCADE", name="gallery_picture"), primary_key=True
    )
    seed: Mapped[int] = mapped_column(BigInteger)
    model: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text)


class FavouriteRow(Row):
    """A Picture that a Person likes best."""

    __tablename__ = "favourites"
    __table_args__ = (Index("favourites_of_picture", "picture_id"),)

    person: Mapped[str] = mapped_column(Text, primary_key=True)
    picture_id: Mapped[str] = mapped_column(
        ForeignKey("pictures.id", ondelete="CASCADE", name="favourites_picture"), primary_key=True
    )
    at: Mapped[int] = mapped_column(BigInteger)
