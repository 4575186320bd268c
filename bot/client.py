"""LimnerBot: the Discord client, its cogs and buttons, its commands in step with Discord's list."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.attachments import Attachments
from bot.beside import Beside
from bot.bodies import Bodies
from bot.buttons import ActionButton, WhichSelect
from bot.cogs.admin import AdminCog
from bot.cogs.gallery import GalleryCog, OlderButton
from bot.cogs.help import HelpCog
from bot.cogs.imagine import ImagineCog
from bot.cogs.modals import ModalsCog
from bot.cogs.own import OwnCog
from bot.cogs.queue import QueueCog
from bot.cogs.reroll import RerollCog
from bot.cogs.sketch import SketchCog
from bot.delivery import DiscordFace
from bot.desks import Desks
from bot.guests import FACE, NOBODY, channel_of, for_adults, tell
from bot.leaving import Leaving
from bot.menus import add_menus
from bot.needs import INTENTS
from bot.offers import PaintButton
from bot.post import Post
from bot.promises import Book, NoBook, Promises
from bot.questions import GoButton, NoButton
from bot.rates import Rates
from bot.reception import Reception
from core.errors import BadConfig, StudioError
from core.person import Person
from core.ports import Face
from core.records import Clock, milliseconds
from core.studio import Studio
from core.wording import NEUTRAL

Stop = Callable[[], Awaitable[None]]
COGS = (ImagineCog, ModalsCog, SketchCog, RerollCog, GalleryCog, QueueCog, OwnCog, AdminCog, HelpCog)
log = logging.getLogger(__name__)
AGAIN_S = 5.0
"""Pause before the gateway is taken up again after an error of discord.py's own."""

GUILDS_S = 0.3
"""Silence after which the servers Discord names at the start are taken as all; discord.py waits 2 s."""

RATE_LIMIT_S = 30.0
"""A wait longer than this is an error, tried again later: a result must not hang on it."""


class Tree(app_commands.CommandTree["LimnerBot"]):
    """The commands; an error that reaches it is ours."""

    async def on_error(
        self, interaction: discord.Interaction[LimnerBot], error: app_commands.AppCommandError, /
    ) -> None:
        """Log it and tell the Person in one neutral sentence."""
        log.error("interaction %s: an error that is ours", interaction.id, exc_info=error)
        await tell(interaction, NEUTRAL)


class LimnerBot(commands.Bot):
    """Speak for Studio in Discord. guilds: servers whose commands are registered at once, none = everywhere.

    shard: which part of the servers it serves, of how many.
    """

    def __init__(
        self,
        studio: Studio,
        *,
        guilds: Sequence[int],
        clock: Clock,
        shard: tuple[int, int] = (0, 1),
        attachments: Attachments | None = None,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        book: Book | None = None,
        page: str = "",
    ) -> None:
        """book: writes down what another process must find; page: the page's public address."""
        rates = Rates(clock)
        super().__init__(
            commands.when_mentioned,
            http_trace=rates.trace(),
            help_command=None,
            tree_cls=Tree,
            intents=INTENTS,
            shard_id=shard[0],
            shard_count=shard[1],
            allowed_mentions=NOBODY,
            max_ratelimit_timeout=RATE_LIMIT_S,
            guild_ready_timeout=GUILDS_S,
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=False),
        )
        post = Post(self, clock)
        self.studio = studio
        self.attachments = attachments or Attachments()
        self.bodies = Bodies(studio, clock, lambda place: for_adults(self.get_channel(channel_of(place))), page)
        kept = book or NoBook()
        desks, beside = Desks(kept), Beside(post, self._by_dm, clock)
        # Looked up when it is needed: the bot that only registers commands has no Studio.
        self._leaving = Leaving(kept, post, lambda person, place, job: studio.cancel(person, place, job), clock)
        ready = lambda: self.application_id is not None  # noqa: E731
        self.face = DiscordFace(post, studio, self.bodies, beside, desks, self._leaving, rates, ready, pause)
        self.reception = Reception(studio, self.face, post, self.bodies, Promises(kept, post, clock))
        self._guilds = tuple(guilds)
        self._pause = pause

    async def equip(self) -> None:
        """Add cogs and buttons."""
        if not self.cogs:
            for cog in COGS:
                await self.add_cog(cog(self))
            add_menus(self)
            self.add_dynamic_items(ActionButton, WhichSelect, OlderButton, GoButton, NoButton, PaintButton)

    async def setup_hook(self) -> None:
        """Add what it can do, then tell Discord the commands."""
        await self.equip()
        await self.reception.promises.break_all()
        await self.register()

    async def register(self) -> None:
        """Tell Discord the commands: everywhere, or in the named servers alone."""
        if not self._guilds:
            await self.tree.sync()
        for guild in map(discord.Object, self._guilds):
            self.tree.copy_global_to(guild=guild)
            try:
                await self.tree.sync(guild=guild)
            except discord.Forbidden:
                log.error("server %d: its commands could not be registered; invite the bot there first", guild.id)

    async def _by_dm(self, person: Person) -> bool:
        return (await self.studio.people.defaults(person)).by_dm

    async def on_raw_message_delete(self, event: discord.RawMessageDeleteEvent) -> None:
        """Cancel what a deleted card stood for."""
        await self.face.taken_down({event.message_id})

    async def on_raw_bulk_message_delete(self, event: discord.RawBulkMessageDeleteEvent) -> None:
        """Cancel what deleted cards stood for."""
        await self.face.taken_down(event.message_ids)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Cancel what is asked for on a server that the bot was taken from."""
        await self._leaving.place_gone(guild.id)

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        """Cancel what is asked for in a channel that is gone."""
        await self._leaving.place_gone(channel.guild.id, channel.id)

    async def on_raw_thread_delete(self, event: discord.RawThreadDeleteEvent) -> None:
        """Cancel what is asked for in a thread that is gone."""
        await self._leaving.place_gone(event.guild_id, event.thread_id)

    async def on_message(self, message: discord.Message, /) -> None:
        """Leave messages to the cogs: there are no prefix commands."""

    async def serve(self, token: str) -> None:
        """Log in and stay connected until closed; an error inside discord.py ends one connection, not the face."""
        logged_in = False
        while not self.is_closed():
            try:
                if not logged_in:
                    await self.login(token)
                    logged_in = True
                await self.connect(reconnect=True)
            except discord.LoginFailure as error:
                raise BadConfig("Discord refuses the token.", "Set DISCORD_TOKEN to the one it shows.") from error
            except Exception:
                # discord.py does not guard its event parsers: one odd event ends the reading task for good.
                if self.is_closed():
                    raise
                log.exception("the connection to Discord ended with an error; connecting again")
                await self._leave(logged_in)
                await self._pause(AGAIN_S)

    async def _leave(self, logged_in: bool) -> None:
        """Close what an ended connection left open."""
        if not logged_in:
            await self.http.close()
            # Closed with the session; discord.py makes another only where there is none.
            self.http.connector = discord.utils.MISSING
        elif self.ws is not None:
            await self.ws.close(code=4000)

    async def close(self) -> None:
        """Stop showing Progress, then leave."""
        await self.face.close()
        await super().close()


async def start(
    studio: Studio,
    faces: MutableMapping[str, Face],
    token: str,
    guilds: Sequence[int],
    shard: tuple[int, int],
    say: Callable[[str], object],
    clock: Clock = milliseconds,
    book: Book | None = None,
    page: str = "",
) -> Stop:
    """Put the Discord face among the others and connect in the background; return what ends it."""
    bot = LimnerBot(studio, guilds=guilds, clock=clock, shard=shard, book=book, page=page)
    faces[FACE] = bot.face
    tasks = [
        asyncio.create_task(_serve(bot, token, say), name=FACE),
        asyncio.create_task(bot.reception.promises.watch(bot.is_ready, asyncio.sleep), name="promises"),
    ]

    async def stop() -> None:
        await bot.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    return stop


async def _serve(bot: LimnerBot, token: str, say: Callable[[str], object]) -> None:
    """Keep one face's end from being everybody's."""
    try:
        await bot.serve(token)
    except StudioError as error:
        say(error.whole())
    except Exception:
        log.exception("the Discord face ended")
        say("Discord ended the connection for good; the log says why. The other ways in go on.")
