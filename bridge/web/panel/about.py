"""What a conversation is, who started it, why somebody sees it, and what can be changed of it (O2)."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.text.directions import apart
from bridge.operations import overview as seen
from bridge.operations.about import Particulars, about_conversation
from bridge.operations.admins.access import MatterAccess, Way
from bridge.web.panel.conversation import tabbed
from bridge.web.panel.pages import PanelRequest, name_of, not_there
from bridge.wording.markdown import enumerated
from bridge.wording.moments import moment_in


async def about(asked: PanelRequest) -> web.StreamResponse:
    """What a conversation is, who started it, why the person sees it, and what can be changed of it."""
    view = await seen.view(asked.desk, asked.person.id, asked.part("conversation"))
    if view is None:
        return not_there()
    told, typed = await about_conversation(asked.desk, asked.person, view), asked.typed or {}
    channel = view.entry.kind is ConversationKind.CHANNEL
    may_change = channel or (view.entry.mine and view.matter is not None)
    return await tabbed(
        asked,
        view,
        "about",
        facts=list(facts_of(asked.desk, view, told)),
        may_rename=may_change and not view.entry.read_only,
        may_archive=may_change and not view.conversation.archived and not view.everyone,
        is_channel=channel,
        title_typed=typed.get("title", view.entry.name),
        topic_typed=typed.get("topic", view.topic),
    )


def facts_of(desk: Desk, view: seen.View, told: Particulars) -> Iterator[tuple[str, str]]:
    """What is told of a conversation, each with what it is called."""
    firm, origin = desk.settings.firm, told.origin
    yield "Why you can see this", why_seen(view, told.access)
    if origin is not None:
        by = name_of(desk, origin.created_by)
        yield (
            "Started",
            f"by {apart(by)}, {moment_in(firm, origin.created_at)}" if by else moment_in(firm, origin.created_at),
        )
        if view.conversation.archived and origin.archived_at is not None:
            by = name_of(desk, origin.archived_by)
            at = moment_in(firm, origin.archived_at)
            yield "Archived", f"by {apart(by)}, {at}" if by else f"{at}, since nobody was in it"
    if told.filed:
        yield (
            "Its files",
            f"In the filing cabinet: {told.folder}" if told.folder else "None is in the filing cabinet yet.",
        )
    elif view.matter is not None:
        yield "Its files", "They are not stored in a filing cabinet."


def why_seen(view: seen.View, access: MatterAccess | None) -> str:
    """Why somebody can see a conversation, in words for themselves."""
    if access is not None and access.way is Way.ROLE:
        return f"You have a role on the matter: {enumerated(access.roles)}."
    if access is not None and access.groups:
        return f"You are on the matter's access list, through the group {', in it '.join(map(apart, access.groups))}."
    if access is not None and access.way is Way.LIST:
        return "You are on the matter's access list."
    if access is not None:
        return "The matter is open to everybody in the firm whom no wall keeps out."
    if view.entry.kind is ConversationKind.DIRECT:
        return "You are one of those whose conversation it is. Nobody else sees it."
    if view.everyone:
        return "Everybody in the firm is in it."
    return "Channels are open to everybody in the firm."
