"""The demo as people start it: every stand-in is there, and the fund lives on them."""

from pathlib import Path

import aiohttp

from bot.demo import open_demo
from bot.settings import Settings
from sandbox.stripe.client import Bank


async def test_a_donor_of_the_demo_gives_by_card(tmp_path: Path) -> None:
    """The donor's page to pay on is that of the stand-in for Stripe, and a receipt follows the payment."""
    said: list[str] = []
    async with open_demo(Settings(data_dir=tmp_path), 0, "en", said.append) as demo:
        donor = demo.cast.donor
        await donor.send("/donate")
        await donor.wait_for(lambda view: "By card, once" in view.labels)
        await donor.press("By card, once")
        await donor.wait_for(lambda view: "10\xa0€" in view.labels)
        await donor.press("10\xa0€")
        await donor.wait_for(lambda view: "Open the page to pay on" in view.labels)
        page = str(await donor.press("Open the page to pay on"))
        assert page.startswith("http://127.0.0.1:")
        async with Bank(page.partition("/c/")[0]) as bank:
            thanks = await bank.pay(page)
        assert demo.app.stripe is not None
        await demo.app.stripe.poller.poll()
        await donor.wait_for(lambda view: "Receipt number" in view.text)
        async with aiohttp.ClientSession() as browser, browser.get(thanks) as answer:
            assert answer.status == 200
    assert said == [
        f"Plecho's chat page: {demo.url}",
        f"Its page for givers: {thanks.removesuffix('/thanks')}",
    ]
