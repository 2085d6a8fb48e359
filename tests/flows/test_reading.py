"""The pictures of a case in the reviewer's chat: long ones too, and those that Telegram does not take."""

import io
from dataclasses import replace

from PIL import Image
from sqlmodel import select

from models.case import Case
from sandbox.telegram.client import View
from tests.flows.harness import World
from tests.flows.interview import applicant
from tests.flows.test_review import Team, gather


def drawn(width: int, height: int) -> bytes:
    """A picture of this size."""
    content = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(content, "JPEG")
    return content.getvalue()


async def reader_of(team: Team, *files: bytes) -> str:
    """Somebody asks for help and adds these files; the call sign of one who is to read it."""
    asker = await applicant(team.world, language=team.language)
    await asker.submit()
    await asker.press("case.button.add")
    for content in files:
        await asker.person.upload_document(content, name="a.jpg")
        await team.world.jump(seconds=1)
    async with team.world.unit() as unit:
        case = (await unit.session.exec(select(Case))).one()
    return (await team.fund.panel(case.id))[0]


async def turned(team: Team, sign: str) -> list[View]:
    """What a reviewer sees who reads the case from the first page to the last."""
    await team.on_card(sign, "review.button.read")
    seen: list[View] = []
    while True:
        page = (await team.reviewers[sign].messages())[-1]
        assert team.say("review.button.decline") in page.labels
        seen.append(page)
        if team.say("review.button.next") not in page.labels:
            return seen
        await team.press(team.reviewers[sign], "review.button.next")


async def test_a_long_screenshot_is_read_to_its_end(world: World) -> None:
    """Each piece of it is a page that Telegram shows, and the file after it is reached."""
    team = await gather(world, "en")
    sign = await reader_of(team, drawn(1080, 25_000), drawn(1000, 1400))
    *pieces, last = [view.photo for view in await turned(team, sign) if view.photo]
    assert len(pieces) == 10
    assert all(piece["width"] > 900 for piece in pieces)
    assert (last["width"], last["height"]) == (1000, 1400)


async def test_a_page_that_telegram_refuses_cuts_nobody_off(world: World) -> None:
    """In its place the reviewer reads that it cannot be shown, and goes on to the next file and to the vote."""
    team = await gather(world, "en")
    world.server.telegram.limits = replace(world.server.telegram.limits, photo_ratio=1.2)
    sign = await reader_of(team, drawn(1000, 1400), drawn(500, 500))
    *_, refused, last = await turned(team, sign)
    assert refused.photo is None
    assert refused.text.endswith(team.say("pipeline.no-picture"))
    assert refused.protected
    assert last.photo is not None
