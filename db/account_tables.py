"""The tables of who may come in: accounts, their one-time links, and share links."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.filerows import Row, Sha


class AccountRow(Row):
    """A name to sign in with; of its password what scrypt makes of it, none before its first link was used."""

    __tablename__ = "accounts"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    owner: Mapped[bool]
    password: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[int] = mapped_column(BigInteger)


class LinkRow(Row):
    """A link that sets an account's password once: its hash alone."""

    __tablename__ = "links"
    __table_args__ = (Index("links_account", "account", unique=True),)

    hash: Mapped[str] = mapped_column(Sha, primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey("accounts.name", ondelete="CASCADE", name="links_of_account"))
    expires: Mapped[int] = mapped_column(BigInteger)


class ShareLinkRow(Row):
    """A link that shows one Picture to whoever has it: its hash alone."""

    __tablename__ = "share_links"
    __table_args__ = (Index("share_links_picture", "picture_id"), Index("share_links_person", "person"))

    hash: Mapped[str] = mapped_column(Sha, primary_key=True)
    picture_id: Mapped[str] = mapped_column(
        ForeignKey("pictures.id", ondelete="CASCADE", name="share_links_of_picture")
    )
    person: Mapped[str] = mapped_column(Text)
    words: Mapped[bool]
    created_at: Mapped[int] = mapped_column(BigInteger)
    expires: Mapped[int | None] = mapped_column(BigInteger)
