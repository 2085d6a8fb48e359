"""A local stand-in for Telegram: the Bot API for one bot, and a client API for the people who talk to it."""
