"""A local stand-in for Stripe: its HTTP API and Checkout page, and a client API for donors, bank and clock."""
