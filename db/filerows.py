"""The tables of files, and what all tables share."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# SQLite gives out row ids only in a column of exactly the type INTEGER.
Counter = BigInteger().with_variant(Integer, "sqlite")
Ulid = String(26)
Sha = String(64)


class Row(DeclarativeBase):
    """Collect every table; times are ms UTC, JSON lies in text columns."""


class FileRow(Row):
    """A file on the disk; the same bytes may be one Person's Sketch and another's Picture."""

    __tablename__ = "files"
    __table_args__ = (CheckConstraint("kind IN ('sketch', 'mask', 'picture')", name="files_kind"),)

    digest: Mapped[str] = mapped_column(Sha, primary_key=True)
    kind: Mapped[str] = mapped_column(String(7), primary_key=True)
    bytes: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[int] = mapped_column(BigInteger)


class HolderRow(Row):
    """Who holds a Sketch or mask: sent it, or painted from it (used); clear, mask: how what they sent was transparent.

    at: when they sent it last; for who painted from another's, when the file came.
    """

    __tablename__ = "holders"
    __table_args__ = (
        CheckConstraint("clear IN ('none', 'part', 'whole')", name="holders_clear"),
        CheckConstraint("(clear = 'part') = (mask IS NOT NULL)", name="holders_mask_of"),
        Index("holders_person", "person", "at"),
        Index("holders_mask", "mask"),
    )

    digest: Mapped[str] = mapped_column(Sha, primary_key=True)
    kind: Mapped[str] = mapped_column(String(7), primary_key=True)
    person: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[int] = mapped_column(BigInteger)
    used: Mapped[bool]
    clear: Mapped[str] = mapped_column(String(5))
    mask: Mapped[str | None] = mapped_column(Sha)


class DoomedRow(Row):
    """A file to be removed from the disk, kept until that is done."""

    __tablename__ = "doomed"

    digest: Mapped[str] = mapped_column(Sha, primary_key=True)
    kind: Mapped[str] = mapped_column(String(7), primary_key=True)


class WeightsRow(Row):
    """The digest of one Model file as the disk knew it."""

    __tablename__ = "weights"

    path: Mapped[str] = mapped_column(Text, primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    mtime_ns: Mapped[int] = mapped_column(BigInteger)
    # As text: an inode may fill 64 bits without a sign.
    inode: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(Sha)
