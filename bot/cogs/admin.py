"""/admin: what the owner, and who manages a server, decide there; core checks again who may."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import discord
from discord import app_commands
from discord.ext import commands

from bot.guests import FACE, answering, asker, here
from bot.pages import answer
from bot.plain import quiet
from core.rules import MOST_PRIORITY, MOST_WEIGHT
from core.telling import rules_lines, stats_lines
from core.wording import NOTHING_DECIDED

if TYPE_CHECKING:
    from bot.client import LimnerBot

T = TypeVar("T")
Some = app_commands.Range[int, 0, 1000]
Cost = app_commands.Range[int, 0, 2**53 - 1]
Weight = app_commands.Range[int, 1, MOST_WEIGHT]
Priority = app_commands.Range[int, 0, MOST_PRIORITY]
Channel = (
    discord.TextChannel | discord.VoiceChannel | discord.StageChannel | discord.Thread | discord.CategoryChannel
)  # fmt: skip
SAID = {
    "waiting": "Jobs that may wait at once; 0 is no limit.",
    "per_minute": "Jobs a minute; 0 is no limit.",
    "day_cost": "Cost in 24 hours, in coins: width x height x steps, twice if guided; 0 is no limit.",
    "weight": "How many times an ordinary share of the device.",
    "priority": "Served before those of a lower one.",
    "role": "The role.",
    "channel": "The channel, or a whole category.",
    "who": "The person.",
    "why": "Why, for the list of acts.",
    "on": "Off takes it back.",
    "words": "Words to refuse, with commas between them.",
    "pattern": "A pattern to refuse: signs, sets [a-z], | and one *, + or {1,5} behind a single sign.",
}


def described(*names: str) -> Callable[[T], T]:
    """Return what Discord shows of options."""
    return app_commands.describe(**{name: SAID[name] for name in names})


class AdminCog(commands.Cog):
    """Offer the acts of who runs a server; Discord shows them to who may manage it."""

    admin = app_commands.Group(
        name="admin",
        description="For who runs this server.",
        default_permissions=discord.Permissions(manage_guild=True),
    )
    limit = app_commands.Group(name="limit", description="How much may be asked for.", parent=admin)
    allow = app_commands.Group(name="allow", description="Where and by whom; none named means all.", parent=admin)
    set = app_commands.Group(name="set", description="What holds for every picture here.", parent=admin)

    def __init__(self, bot: LimnerBot) -> None:
        self._bot = bot

    @limit.command(name="all", description="Limits of everyone here; what is left out is as the owner set it.")
    @described("waiting", "per_minute", "day_cost")
    async def limit_all(
        self,
        interaction: discord.Interaction,
        waiting: Some | None = None,
        per_minute: Some | None = None,
        day_cost: Cost | None = None,
    ) -> None:
        """Set the Limits of a server."""
        await self._act(interaction, "limit", waiting=waiting, per_minute=per_minute, day_cost=day_cost)

    @limit.command(name="role", description="Limits of a role; without any, those of everyone.")
    @described("role", "waiting", "per_minute", "day_cost", "weight", "priority")
    async def limit_role(
        self,
        interaction: discord.Interaction,
        role: discord.Role,
        waiting: Some | None = None,
        per_minute: Some | None = None,
        day_cost: Cost | None = None,
        weight: Weight | None = None,
        priority: Priority | None = None,
    ) -> None:
        """Set the Limits of who has a role."""
        await self._act(
            interaction, "limit_role", role=_id(role), waiting=waiting, per_minute=per_minute, day_cost=day_cost,
            weight=weight, priority=priority,
        )  # fmt: skip

    @limit.command(name="channel", description="Limits in a channel: they only narrow; without any, none of its own.")
    @described("channel", "waiting", "per_minute", "day_cost")
    async def limit_channel(
        self,
        interaction: discord.Interaction,
        channel: Channel,
        waiting: Some | None = None,
        per_minute: Some | None = None,
        day_cost: Cost | None = None,
    ) -> None:
        """Set the Limits in a channel."""
        await self._act(
            interaction, "limit_channel", channel=str(channel.id), waiting=waiting, per_minute=per_minute,
            day_cost=day_cost,
        )  # fmt: skip

    @limit.command(name="person", description="Limits of one person; without any, those of everyone.")
    @described("who", "waiting", "per_minute", "day_cost", "weight", "priority")
    async def limit_person(
        self,
        interaction: discord.Interaction,
        who: discord.User,
        waiting: Some | None = None,
        per_minute: Some | None = None,
        day_cost: Cost | None = None,
        weight: Weight | None = None,
        priority: Priority | None = None,
    ) -> None:
        """Set the Limits of one Person."""
        await self._act(
            interaction, "limit_person", who=_id(who), waiting=waiting, per_minute=per_minute, day_cost=day_cost,
            weight=weight, priority=priority,
        )  # fmt: skip

    @allow.command(name="channel", description="Use Limner in this channel, and in no other that is not named too.")
    @described("channel", "on")
    async def allow_channel(self, interaction: discord.Interaction, channel: Channel, on: bool = True) -> None:
        """Name a channel, or take it off the list."""
        await self._act(interaction, "allow_channel", channel=str(channel.id), on=on)

    @allow.command(name="role", description="Let this role ask, and no other that is not named too.")
    @described("role", "on")
    async def allow_role(self, interaction: discord.Interaction, role: discord.Role, on: bool = True) -> None:
        """Name a role, or take it off the list."""
        await self._act(interaction, "allow_role", role=_id(role), on=on)

    @admin.command(description="Refuse words, or a pattern, in all that is typed here.")
    @described("words", "pattern", "on")
    async def words(
        self,
        interaction: discord.Interaction,
        words: app_commands.Range[str, 1, 2000] | None = None,
        pattern: app_commands.Range[str, 1, 100] | None = None,
        on: bool = True,
    ) -> None:
        """Add to what is refused, or take from it."""
        listed = [word.strip() for word in (words or "").split(",") if word.strip()]
        await self._act(interaction, "refuse_words", words=listed, patterns=[pattern] if pattern else [], on=on)

    @admin.command(description="Let somebody ask for nothing more here.")
    @described("who", "why")
    async def ban(
        self, interaction: discord.Interaction, who: discord.User, why: app_commands.Range[str, 1, 200] | None = None
    ) -> None:
        """Refuse one Person."""
        await self._act(interaction, "ban", who=_id(who), why=why)

    @admin.command(description="Let somebody ask again.")
    @described("who")
    async def unban(self, interaction: discord.Interaction, who: discord.User) -> None:
        """Refuse one Person no more."""
        await self._act(interaction, "unban", who=_id(who))

    @set.command(description="Show pictures as spoilers outside age-restricted channels.")
    async def spoiler(self, interaction: discord.Interaction, on: bool) -> None:
        """Switch spoilers."""
        await self._act(interaction, "spoiler", on=on)

    @set.command(name="age-only", description="Paint in age-restricted channels alone.")
    async def age_only(self, interaction: discord.Interaction, on: bool) -> None:
        """Switch where is painted by age."""
        await self._act(interaction, "age_only", on=on)

    @set.command(description="Let pictures that go out tell their recipe.")
    async def recipe(self, interaction: discord.Interaction, on: bool) -> None:
        """Switch whether files tell their Recipe."""
        await self._act(interaction, "recipe", on=on)

    @admin.command(description="Paint nothing more for now; what is asked for waits. For the owner.")
    async def pause(self, interaction: discord.Interaction) -> None:
        """Claim no more."""
        await self._act(interaction, "pause")

    @admin.command(description="Go on after pause or drain. For the owner.")
    async def resume(self, interaction: discord.Interaction) -> None:
        """Claim and accept again."""
        await self._act(interaction, "resume")

    @admin.command(description="Accept nothing more; what waits is painted. For the owner.")
    async def drain(self, interaction: discord.Interaction) -> None:
        """Accept no more."""
        await self._act(interaction, "drain")

    @admin.command(description="Register the commands with Discord anew. For the owner.")
    async def sync(self, interaction: discord.Interaction) -> None:
        """Write the act down, then tell Discord."""
        async with answering(interaction):
            done = await self._bot.studio.operator.act(asker(interaction), here(interaction), "sync")
            await interaction.response.defer(thinking=True, ephemeral=True)
            await self._bot.register()
            await answer(interaction, [quiet(done["sentence"])])

    @admin.command(description="The last 24 hours: pictures, failures, cost by person. No words are shown.")
    async def stats(self, interaction: discord.Interaction) -> None:
        """Tell how it goes."""
        async with answering(interaction):
            found = await self._bot.studio.operator.stats(asker(interaction), here(interaction))
            await answer(interaction, ["\n".join(map(quiet, stats_lines(found)))])

    @admin.command(description="What was decided here, newest first.")
    async def acts(self, interaction: discord.Interaction) -> None:
        """Tell the newest acts."""
        async with answering(interaction):
            found = await self._bot.studio.operator.acts(asker(interaction), here(interaction), 20)
            lines = [f"<t:{each['at'] // 1000}:f> {_who(each['person'])} {quiet(each['sentence'])}" for each in found]
            await answer(interaction, ["\n".join(lines) or NOTHING_DECIDED])

    @admin.command(description="What holds here now: limits, who and where, what is refused.")
    async def rules(self, interaction: discord.Interaction) -> None:
        """Tell the Rules."""
        async with answering(interaction):
            found = await self._bot.studio.operator.rules(asker(interaction), here(interaction))
            await answer(interaction, ["\n".join(map(quiet, rules_lines(found))) or NOTHING_DECIDED])

    async def _act(self, interaction: discord.Interaction, what: str, **detail: Any) -> None:
        """Do one act and tell what it did; what was left out is not part of it."""
        given = {name: value for name, value in detail.items() if value is not None}
        async with answering(interaction):
            done = await self._bot.studio.operator.act(asker(interaction), here(interaction), what, **given)
            await answer(interaction, [quiet(done["sentence"])])


def _id(of: discord.Role | discord.User | discord.Member) -> str:
    return f"{FACE}:{of.id}"


def _who(person: str) -> str:
    """Return a Person as Discord names it to the reader; nobody is pinged, since no mention is allowed."""
    face, _, id_ = person.partition(":")
    return f"<@{id_}>" if face == FACE else quiet(person)
