"""Keys, compartments, sealing, blind indexes, shredding and log redaction, in one place for auditors."""
