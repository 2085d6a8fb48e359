"""Whether Stripe takes our key, for `plecho doctor`."""

from bot.stripe_setup import StripeSetup
from payments.stripe_objects import StripeAway, StripeRefused


async def fault_of_stripe(setup: StripeSetup) -> str | None:
    """None when Stripe answers with all that is read there, else what is wrong."""
    from payments.stripe_gateway import StripeGateway  # noqa: PLC0415 - takes half a second

    gateway = StripeGateway(setup.key, setup.api_url)
    try:
        await gateway.probe()
    except (StripeAway, StripeRefused):
        return "it does not answer, or refuses the key or a right of it"
    finally:
        await gateway.close()
    return None
