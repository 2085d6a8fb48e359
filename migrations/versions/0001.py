"""All tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TRIGGERS: dict[str, tuple[str, ...]] = {
    "sqlite": (
        """CREATE TRIGGER posting_insert BEFORE INSERT ON posting BEGIN
        SELECT RAISE(ABORT, 'ledger: the entry is closed')
            WHERE EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.entry_id);
        SELECT RAISE(ABORT, 'ledger: a posting is never replaced')
            WHERE EXISTS (SELECT 1 FROM posting WHERE id = NEW.id);
        SELECT RAISE(ABORT, 'ledger: amounts are integers') WHERE typeof(NEW.amount) <> 'integer';
        SELECT RAISE(ABORT, 'ledger: not the currency of the account')
            WHERE NOT EXISTS (
                SELECT 1 FROM ledger_account WHERE id = NEW.account_id AND currency = NEW.currency);
    END""",
        """CREATE TRIGGER posting_update BEFORE UPDATE ON posting BEGIN
        SELECT RAISE(ABORT, 'ledger: a posting is never changed');
    END""",
        """CREATE TRIGGER posting_delete BEFORE DELETE ON posting BEGIN
        SELECT RAISE(ABORT, 'ledger: a posting is never deleted');
    END""",
        """CREATE TRIGGER journal_entry_insert BEFORE INSERT ON journal_entry BEGIN
        SELECT RAISE(ABORT, 'ledger: an entry is never replaced')
            WHERE EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.id OR reference = NEW.reference);
        SELECT RAISE(ABORT, 'ledger: an entry has two postings or more')
            WHERE (SELECT count(*) FROM posting WHERE entry_id = NEW.id) < 2;
        SELECT RAISE(ABORT, 'ledger: the postings of an entry sum to zero')
            WHERE EXISTS (
                SELECT 1 FROM posting WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0);
    END""",
        """CREATE TRIGGER journal_entry_close AFTER INSERT ON journal_entry BEGIN
        UPDATE ledger_account
            SET balance = balance + (
                    SELECT sum(amount) FROM posting WHERE entry_id = NEW.id AND account_id = ledger_account.id),
                last_entry = NEW.id
            WHERE id IN (SELECT account_id FROM posting WHERE entry_id = NEW.id);
    END""",
        """CREATE TRIGGER journal_entry_update BEFORE UPDATE ON journal_entry BEGIN
        SELECT RAISE(ABORT, 'ledger: an entry is never changed');
    END""",
        """CREATE TRIGGER journal_entry_delete BEFORE DELETE ON journal_entry BEGIN
        SELECT RAISE(ABORT, 'ledger: an entry is never deleted');
    END""",
        """CREATE TRIGGER ledger_account_insert BEFORE INSERT ON ledger_account BEGIN
        SELECT RAISE(ABORT, 'ledger: an account begins empty')
            WHERE NEW.balance <> 0 OR NEW.last_entry IS NOT NULL;
        SELECT RAISE(ABORT, 'ledger: an account is never replaced')
            WHERE EXISTS (SELECT 1 FROM ledger_account WHERE id = NEW.id OR name = NEW.name);
    END""",
        """CREATE TRIGGER ledger_account_update BEFORE UPDATE ON ledger_account BEGIN
        SELECT RAISE(ABORT, 'ledger: a balance is kept by its entries')
            WHERE NEW.last_entry IS NULL
                OR NEW.last_entry IS OLD.last_entry
                OR NEW.last_entry IS NOT (SELECT id FROM journal_entry ORDER BY rowid DESC LIMIT 1)
                OR NEW.balance - OLD.balance IS NOT (
                    SELECT sum(amount) FROM posting WHERE entry_id = NEW.last_entry AND account_id = NEW.id);
        SELECT RAISE(ABORT, 'ledger: an account is never changed')
            WHERE NEW.id <> OLD.id OR NEW.name <> OLD.name OR NEW.kind <> OLD.kind
                OR NEW.currency <> OLD.currency OR NEW.floor_zero <> OLD.floor_zero;
    END""",
        """CREATE TRIGGER ledger_account_delete BEFORE DELETE ON ledger_account BEGIN
        SELECT RAISE(ABORT, 'ledger: an account is never deleted');
    END""",
    ),
    "postgresql": (
        """CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = 'ledger: what stands in the books stays';
    END $$""",
        """CREATE FUNCTION ledger_check_posting() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(CAST(NEW.entry_id AS text), 0));
        IF EXISTS (SELECT 1 FROM journal_entry WHERE id = NEW.entry_id) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: the entry is closed';
        END IF;
        IF NOT EXISTS (SELECT 1 FROM ledger_account WHERE id = NEW.account_id AND currency = NEW.currency) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: not the currency of the account';
        END IF;
        RETURN NEW;
    END $$""",
        """CREATE FUNCTION ledger_close_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended(CAST(NEW.id AS text), 0));
        IF (SELECT count(*) FROM posting WHERE entry_id = NEW.id) < 2 THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: an entry has two postings or more';
        END IF;
        IF EXISTS (SELECT 1 FROM posting WHERE entry_id = NEW.id GROUP BY currency HAVING sum(amount) <> 0) THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: the postings of an entry sum to zero';
        END IF;
        PERFORM 1 FROM ledger_account WHERE id IN (SELECT account_id FROM posting WHERE entry_id = NEW.id)
            ORDER BY name FOR UPDATE;
        UPDATE ledger_account
            SET balance = balance + posted.total, last_entry = NEW.id
            FROM (SELECT account_id, sum(amount) AS total FROM posting WHERE entry_id = NEW.id
                  GROUP BY account_id) AS posted
            WHERE ledger_account.id = posted.account_id;
        RETURN NULL;
    END $$""",
        """CREATE FUNCTION ledger_check_account() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            IF NEW.balance <> 0 OR NEW.last_entry IS NOT NULL THEN
                RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                    MESSAGE = 'ledger: an account begins empty';
            END IF;
        ELSIF pg_trigger_depth() < 2 THEN
            RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
                MESSAGE = 'ledger: a balance is kept by its entries';
        END IF;
        RETURN NEW;
    END $$""",
        """CREATE TRIGGER posting_insert BEFORE INSERT ON posting
        FOR EACH ROW EXECUTE FUNCTION ledger_check_posting()""",
        """CREATE TRIGGER posting_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON posting
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()""",
        """CREATE TRIGGER journal_entry_close AFTER INSERT ON journal_entry
        FOR EACH ROW EXECUTE FUNCTION ledger_close_entry()""",
        """CREATE TRIGGER journal_entry_keep BEFORE UPDATE OR DELETE OR TRUNCATE ON journal_entry
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()""",
        """CREATE TRIGGER ledger_account_keep BEFORE DELETE OR TRUNCATE ON ledger_account
        FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()""",
        """CREATE TRIGGER ledger_account_check BEFORE INSERT OR UPDATE ON ledger_account
        FOR EACH ROW EXECUTE FUNCTION ledger_check_account()""",
    ),
}

FUNCTIONS: tuple[str, ...] = (
    "ledger_refuse",
    "ledger_check_posting",
    "ledger_close_entry",
    "ledger_check_account",
)


def upgrade() -> None:
    op.create_table(
        "allowance",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", "kind", name=op.f("pk_allowance")),
    )
    op.create_index(op.f("ix_allowance_until"), "allowance", ["until"], unique=False)
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_audit_checkpoint")),
    )
    op.create_table(
        "audit_entry",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("act", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_entry")),
    )
    op.create_table(
        "chain_wallet",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("next_nonce", sa.BigInteger(), nullable=True),
        sa.Column("token", sa.String(length=42), nullable=True),
        sa.Column("scanned_to", sa.BigInteger(), nullable=True),
        sa.Column("expected", sa.String(length=80), nullable=True),
        sa.Column("fees", sa.String(length=80), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=True),
        sa.Column("base_fee", sa.BigInteger(), nullable=True),
        sa.Column("priority_fee", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("watched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "trouble",
            sa.Enum(
                "token",
                "gas",
                "fee",
                "foreign",
                "odd",
                "stray",
                name="trouble",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("next_nonce >= 0", name=op.f("ck_chain_wallet_nonce")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_wallet")),
        sa.UniqueConstraint("address", name=op.f("uq_chain_wallet_address")),
    )
    op.create_table(
        "compliance_record",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("grant_number", sa.String(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("rail", sa.String(length=32), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("list_version", sa.String(length=256), nullable=False),
        sa.Column("policy_version", sa.String(length=32), nullable=False),
        sa.Column(
            "result",
            sa.Enum(
                "clear",
                "cleared",
                "not_screened",
                "possible",
                "blocked",
                "stale",
                name="screening_result",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.CheckConstraint("amount > 0", name=op.f("ck_compliance_record_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compliance_record")),
        sa.UniqueConstraint("grant_number", "attempt", name=op.f("uq_compliance_record_grant_number_attempt")),
    )
    op.create_index(op.f("ix_compliance_record_paid_on"), "compliance_record", ["paid_on"], unique=False)
    op.create_table(
        "conversation",
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=True),
        sa.Column("data", sa.LargeBinary(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lane", "person", name=op.f("pk_conversation")),
    )
    op.create_index(op.f("ix_conversation_changed_at"), "conversation", ["changed_at"], unique=False)
    op.create_table(
        "event_cursor",
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("seen_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_event_cursor")),
    )
    op.create_table(
        "fund_case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "submitted",
                "in_review",
                "needs_answer",
                "approved",
                "declined",
                "appealed",
                "paying",
                "paid",
                "followed_up",
                "closed",
                "withdrawn",
                "shredded",
                name="case_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("chat", sa.String(), nullable=True),
        sa.Column("contact", sa.LargeBinary(), nullable=True),
        sa.Column(
            "category",
            sa.Enum(
                "fine",
                "detention",
                "search",
                "criminal",
                "prison",
                "lawyer",
                "medical",
                "relocation",
                "livelihood",
                "family",
                "other",
                name="category",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "urgency",
            sa.Enum(
                "today",
                "week",
                "month",
                "later",
                name="urgency",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("check_phrase", sa.LargeBinary(), nullable=True),
        sa.Column("recovery_hash", sa.String(), nullable=True),
        sa.Column("phrase_wanted", sa.Boolean(), nullable=False),
        sa.Column("appealed", sa.Boolean(), nullable=False),
        sa.Column("possible_repeat", sa.Boolean(), nullable=False),
        sa.Column("restored", sa.Boolean(), nullable=False),
        sa.Column("policy_version", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fund_case")),
        sa.UniqueConstraint("code", name=op.f("uq_fund_case_code")),
    )
    op.create_index(op.f("ix_fund_case_chat"), "fund_case", ["chat"], unique=False)
    op.create_index(op.f("ix_fund_case_expires_at"), "fund_case", ["expires_at"], unique=False)
    op.create_index(op.f("ix_fund_case_phrase_wanted"), "fund_case", ["phrase_wanted"], unique=False)
    op.create_table(
        "fund_grant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("destination", sa.String(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "reserved",
                "paid",
                "cancelled",
                name="grant_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("second_treasurer", sa.Boolean(), nullable=False),
        sa.Column("policy_version", sa.String(length=32), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_fund_grant_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fund_grant")),
        sa.UniqueConstraint("number", name=op.f("uq_fund_grant_number")),
    )
    op.create_index(op.f("ix_fund_grant_case_id"), "fund_grant", ["case_id"], unique=False)
    op.create_index(
        "uq_fund_grant_live",
        "fund_grant",
        ["case_id"],
        unique=True,
        sqlite_where=sa.text("status <> 'cancelled'"),
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.create_table(
        "giver_check",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("whose", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "held",
                "clear",
                "blocked",
                "unscreened",
                name="giver_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("lists", sa.String(length=256), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_giver_check")),
    )
    op.create_index(op.f("ix_giver_check_subject"), "giver_check", ["subject"], unique=False)
    op.create_table(
        "inbox_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("external_id", sa.String(length=64), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "new", "done", "dead", name="event_status", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(length=128), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbox_event")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_inbox_event_source_external_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inbox_event_lane_open", "inbox_event", ["lane", "status", "id"], unique=False)
    op.create_index("ix_inbox_event_open", "inbox_event", ["status", "id"], unique=False)
    op.create_table(
        "invitation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "reviewer",
                "treasurer",
                "coordinator",
                name="invited_role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_by", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    op.create_table(
        "journal_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(length=128), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("grant_number", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entry")),
        sa.UniqueConstraint("reference", name=op.f("uq_journal_entry_reference")),
    )
    op.create_index(op.f("ix_journal_entry_grant_number"), "journal_entry", ["grant_number"], unique=False)
    op.create_table(
        "keyboard",
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("slot", sa.String(length=64), nullable=False),
        sa.Column("person", sa.String(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("case_version", sa.Integer(), nullable=True),
        sa.Column("buttons", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_keyboard")),
    )
    op.create_index(op.f("ix_keyboard_case_id"), "keyboard", ["case_id"], unique=False)
    op.create_index(op.f("ix_keyboard_expires_at"), "keyboard", ["expires_at"], unique=False)
    op.create_index(op.f("ix_keyboard_lane"), "keyboard", ["lane"], unique=False)
    op.create_table(
        "known_difference",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("ours", sa.BigInteger(), nullable=False),
        sa.Column("theirs", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_known_difference")),
    )
    op.create_table(
        "ledger_account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "asset",
                "liability",
                "equity",
                "income",
                "expense",
                name="account_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("floor_zero", sa.Boolean(), nullable=False),
        sa.Column("balance", sa.BigInteger(), nullable=False),
        sa.Column("last_entry", sa.Uuid(), nullable=True),
        sa.CheckConstraint("balance >= 0 OR NOT floor_zero", name=op.f("ck_ledger_account_floor")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_account")),
        sa.UniqueConstraint("name", name=op.f("uq_ledger_account_name")),
    )
    op.create_table(
        "monthly_gift",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "stopping",
                "stopped",
                name="monthly_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("subscription", sa.String(length=255), nullable=False),
        sa.Column("chat", sa.String(), nullable=True),
        sa.Column("contact", sa.LargeBinary(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("failing", sa.Boolean(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_monthly_gift_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monthly_gift")),
        sa.UniqueConstraint("subscription", name=op.f("uq_monthly_gift_subscription")),
    )
    op.create_index(op.f("ix_monthly_gift_chat"), "monthly_gift", ["chat"], unique=False)
    op.create_table(
        "outbox_effect",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "show",
                "erase",
                "answer",
                "leave",
                "checkout",
                name="effect_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("slot", sa.String(length=64), nullable=True),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.Column("seal_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "done",
                "failed",
                name="effect_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_effect")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_outbox_effect_case_id"), "outbox_effect", ["case_id"], unique=False)
    op.create_index(op.f("ix_outbox_effect_lane"), "outbox_effect", ["lane"], unique=False)
    op.create_index("ix_outbox_effect_open", "outbox_effect", ["status", "urgent", "id"], unique=False)
    op.create_table(
        "rail_health",
        sa.Column("rail", sa.String(length=32), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("shut_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("rail", name=op.f("pk_rail_health")),
    )
    op.create_index(op.f("ix_rail_health_probe_at"), "rail_health", ["probe_at"], unique=False)
    op.create_table(
        "recovery_guess",
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("guesses", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_recovery_guess")),
    )
    op.create_index(op.f("ix_recovery_guess_changed_at"), "recovery_guess", ["changed_at"], unique=False)
    op.create_table(
        "review_group",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("fault", sa.String(length=32), nullable=True),
        sa.Column("in_use", sa.Boolean(), nullable=False),
        sa.Column("asked", sa.Boolean(), nullable=False),
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bound_by", sa.Uuid(), nullable=False),
        sa.Column("bound_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_group")),
        sa.UniqueConstraint("chat", name=op.f("uq_review_group_chat")),
    )
    op.create_index(op.f("ix_review_group_check_at"), "review_group", ["check_at"], unique=False)
    op.create_table(
        "sanctions_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column(
            "source",
            sa.Enum("ofac", "eu", name="list_source", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "loading",
                "current",
                "replaced",
                name="sanctions_list_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("dated", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("names", sa.Integer(), nullable=False),
        sa.Column("addresses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sanctions_list")),
    )
    op.create_index("ix_sanctions_list_status", "sanctions_list", ["source", "status"], unique=False)
    op.create_index(
        "uq_sanctions_list_loading",
        "sanctions_list",
        ["status"],
        unique=True,
        sqlite_where=sa.text("status = 'loading'"),
        postgresql_where=sa.text("status = 'loading'"),
    )
    op.create_table(
        "screening_alarm",
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_screening_alarm")),
    )
    op.create_table(
        "seen_balance",
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("more", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", name=op.f("pk_seen_balance")),
    )
    op.create_table(
        "sent_message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("slot", sa.String(length=64), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("shown", sa.LargeBinary(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fade_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("erase_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sent_message")),
        sa.UniqueConstraint("lane", "slot", name=op.f("uq_sent_message_lane_slot")),
    )
    op.create_index(op.f("ix_sent_message_case_id"), "sent_message", ["case_id"], unique=False)
    op.create_index(op.f("ix_sent_message_erase_at"), "sent_message", ["erase_at"], unique=False)
    op.create_index(op.f("ix_sent_message_fade_at"), "sent_message", ["fade_at"], unique=False)
    op.create_index(op.f("ix_sent_message_lane"), "sent_message", ["lane"], unique=False)
    op.create_table(
        "stripe_look",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "session",
                "payment",
                "invoice",
                "subscription",
                name="looked",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("object_id", sa.String(length=255), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_look")),
        sa.UniqueConstraint("kind", "object_id", name=op.f("uq_stripe_look_kind_object_id")),
    )
    op.create_index(op.f("ix_stripe_look_due_at"), "stripe_look", ["due_at"], unique=False)
    op.create_table(
        "volunteer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chat", sa.String(), nullable=False),
        sa.Column("contact", sa.LargeBinary(), nullable=False),
        sa.Column("call_sign", sa.String(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "active",
                "paused",
                "suspended",
                "left",
                "forgotten",
                name="volunteer_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("probation_left", sa.Integer(), nullable=False),
        sa.Column("silences", sa.Integer(), nullable=False),
        sa.Column("reconfirm_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reconfirm_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volunteer")),
        sa.UniqueConstraint("call_sign", name=op.f("uq_volunteer_call_sign")),
        sa.UniqueConstraint("chat", name=op.f("uq_volunteer_chat")),
    )
    op.create_table(
        "answer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("question", sa.String(length=32), nullable=False),
        sa.Column(
            "compartment",
            sa.Enum(
                "contact",
                "story",
                "payout",
                name="compartment",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_answer_case_id_fund_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_answer")),
        sa.UniqueConstraint("case_id", "question", name=op.f("uq_answer_case_id_question")),
    )
    op.create_index(op.f("ix_answer_case_id"), "answer", ["case_id"], unique=False)
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_attachment_case_id_fund_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index(op.f("ix_attachment_case_id"), "attachment", ["case_id"], unique=False)
    op.create_index(op.f("ix_attachment_request_id"), "attachment", ["request_id"], unique=False)
    op.create_table(
        "attachment_request",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("file", sa.LargeBinary(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "added",
                "refused",
                name="file_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["fund_case.id"], name=op.f("fk_attachment_request_case_id_fund_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment_request")),
    )
    op.create_index(op.f("ix_attachment_request_case_id"), "attachment_request", ["case_id"], unique=False)
    op.create_index(op.f("ix_attachment_request_next_try_at"), "attachment_request", ["next_try_at"], unique=False)
    op.create_table(
        "chain_stray",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("wallet_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("moved", sa.String(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["chain_wallet.id"], name=op.f("fk_chain_stray_wallet_id_chain_wallet")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_stray")),
        sa.UniqueConstraint("event", name=op.f("uq_chain_stray_event")),
    )
    op.create_index(op.f("ix_chain_stray_moved"), "chain_stray", ["moved"], unique=False)
    op.create_index(op.f("ix_chain_stray_wallet_id"), "chain_stray", ["wallet_id"], unique=False)
    op.create_table(
        "chain_transfer",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Uuid(), nullable=False),
        sa.Column("wallet_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "prepared",
                "issued",
                "done",
                "final",
                "odd",
                "failed",
                "cancelled",
                name="transfer_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(length=42), nullable=False),
        sa.Column("decimals", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.String(length=80), nullable=False),
        sa.Column("destination", sa.LargeBinary(), nullable=True),
        sa.Column("wallet", sa.LargeBinary(), nullable=True),
        sa.Column("nonce", sa.BigInteger(), nullable=True),
        sa.Column("event", sa.String(), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("cancel_asked", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_chain_transfer_positive")),
        sa.ForeignKeyConstraint(
            ["wallet_id"], ["chain_wallet.id"], name=op.f("fk_chain_transfer_wallet_id_chain_wallet")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_transfer")),
        sa.UniqueConstraint("attempt", name=op.f("uq_chain_transfer_attempt")),
        sa.UniqueConstraint("event", name=op.f("uq_chain_transfer_event")),
        sa.UniqueConstraint("wallet_id", "nonce", name=op.f("uq_chain_transfer_wallet_id_nonce")),
    )
    op.create_index(op.f("ix_chain_transfer_wallet_id"), "chain_transfer", ["wallet_id"], unique=False)
    op.create_table(
        "danger_call",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("waits_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_by", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undelivered", sa.BigInteger(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_danger_call_case_id_fund_case")),
        sa.ForeignKeyConstraint(["taken_by"], ["volunteer.id"], name=op.f("fk_danger_call_taken_by_volunteer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_danger_call")),
    )
    op.create_index(op.f("ix_danger_call_case_id"), "danger_call", ["case_id"], unique=False)
    op.create_index(op.f("ix_danger_call_closed_at"), "danger_call", ["closed_at"], unique=False)
    op.create_index(op.f("ix_danger_call_told_at"), "danger_call", ["told_at"], unique=False)
    op.create_table(
        "donation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "asked",
                "open",
                "processing",
                "given",
                "refunding",
                "refunded",
                "disputed",
                "lost",
                "failed",
                "expired",
                name="donation_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "provider",
            sa.Enum(
                "stripe",
                "stars",
                "hand",
                name="donation_provider",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("monthly", sa.Boolean(), nullable=False),
        sa.Column("monthly_id", sa.Uuid(), nullable=True),
        sa.Column("chat", sa.String(), nullable=True),
        sa.Column("contact", sa.LargeBinary(), nullable=True),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("token", sa.String(length=64), nullable=False),
        sa.Column("checkout", sa.String(length=255), nullable=True),
        sa.Column("payment", sa.String(length=255), nullable=True),
        sa.Column(
            "refund_reason",
            sa.Enum(
                "card",
                "asked",
                "twice",
                name="refund_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_donation_positive")),
        sa.ForeignKeyConstraint(
            ["monthly_id"], ["monthly_gift.id"], name=op.f("fk_donation_monthly_id_monthly_gift")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_donation")),
        sa.UniqueConstraint("checkout", name=op.f("uq_donation_checkout")),
        sa.UniqueConstraint("payment", name=op.f("uq_donation_payment")),
        sa.UniqueConstraint("token", name=op.f("uq_donation_token")),
    )
    op.create_index(op.f("ix_donation_chat"), "donation", ["chat"], unique=False)
    op.create_index(op.f("ix_donation_monthly_id"), "donation", ["monthly_id"], unique=False)
    op.create_index("ix_donation_open", "donation", ["status", "due_at"], unique=False)
    op.create_table(
        "emergency",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("case_version", sa.Integer(), nullable=False),
        sa.Column("proposed_by", sa.Uuid(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agreed_by"], ["volunteer.id"], name=op.f("fk_emergency_agreed_by_volunteer")),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_emergency_case_id_fund_case")),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["volunteer.id"], name=op.f("fk_emergency_proposed_by_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency")),
        sa.UniqueConstraint("case_id", name=op.f("uq_emergency_case_id")),
    )
    op.create_index(op.f("ix_emergency_review_due_at"), "emergency", ["review_due_at"], unique=False)
    op.create_table(
        "fingerprint",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "destination",
                "court_case",
                name="fingerprint_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_fingerprint_case_id_fund_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fingerprint")),
        sa.UniqueConstraint("case_id", "kind", "value", name=op.f("uq_fingerprint_case_id_kind_value")),
    )
    op.create_index(op.f("ix_fingerprint_case_id"), "fingerprint", ["case_id"], unique=False)
    op.create_index(op.f("ix_fingerprint_value"), "fingerprint", ["value"], unique=False)
    op.create_table(
        "follow_up",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "arrived",
                "month",
                "quarter",
                "court_before",
                "court_after",
                name="follow_up_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled",
                "asked",
                "answered",
                "silent",
                "cancelled",
                name="follow_up_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repeats", sa.Integer(), nullable=False),
        sa.Column("put_off", sa.Boolean(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "good",
                "bad",
                "not_arrived",
                "danger",
                "words",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("words", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_follow_up_case_id_fund_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up")),
        sa.UniqueConstraint("case_id", "kind", "due_at", name=op.f("uq_follow_up_case_id_kind_due_at")),
    )
    op.create_index(op.f("ix_follow_up_case_id"), "follow_up", ["case_id"], unique=False)
    op.create_index(op.f("ix_follow_up_due_at"), "follow_up", ["due_at"], unique=False)
    op.create_table(
        "funding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "pending",
                "confirmed",
                "refused",
                name="funding_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum(
                "hand",
                "stripe",
                "stars",
                "partner",
                name="funding_source",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=True),
        sa.Column("taken_currency", sa.String(length=3), nullable=True),
        sa.Column("entered_by", sa.Uuid(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(taken IS NULL) = (source = 'hand')", name=op.f("ck_funding_taken_from_somebody")),
        sa.CheckConstraint(
            "closed_by IS NULL OR status = 'refused' OR closed_by <> entered_by",
            name=op.f("ck_funding_two_people"),
        ),
        sa.CheckConstraint(
            "(taken IS NULL) = (taken_currency IS NULL)", name=op.f("ck_funding_taken_in_a_currency")
        ),
        sa.CheckConstraint("amount > 0 AND (taken IS NULL OR taken > 0)", name=op.f("ck_funding_positive")),
        sa.ForeignKeyConstraint(["closed_by"], ["volunteer.id"], name=op.f("fk_funding_closed_by_volunteer")),
        sa.ForeignKeyConstraint(["entered_by"], ["volunteer.id"], name=op.f("fk_funding_entered_by_volunteer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funding")),
    )
    op.create_table(
        "listed_address",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=256), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["sanctions_list.id"], name=op.f("fk_listed_address_list_id_sanctions_list")
        ),
        sa.PrimaryKeyConstraint("list_id", "address", "entry", name=op.f("pk_listed_address")),
    )
    op.create_index("ix_listed_address_address", "listed_address", ["address"], unique=False)
    op.create_table(
        "listed_entry",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "person",
                "entity",
                "other",
                name="entry_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("programmes", sa.String(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["sanctions_list.id"], name=op.f("fk_listed_entry_list_id_sanctions_list")
        ),
        sa.PrimaryKeyConstraint("list_id", "number", name=op.f("pk_listed_entry")),
    )
    op.create_index("ix_listed_entry_ref", "listed_entry", ["list_id", "ref"], unique=False)
    op.create_table(
        "listed_name",
        sa.Column("list_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sounds", sa.String(), nullable=False),
        sa.Column("weak", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["list_id"], ["sanctions_list.id"], name=op.f("fk_listed_name_list_id_sanctions_list")
        ),
        sa.PrimaryKeyConstraint("list_id", "number", name=op.f("pk_listed_name")),
    )
    op.create_table(
        "news",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_news_case_id_fund_case")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news")),
        sa.UniqueConstraint("case_id", "act", name=op.f("uq_news_case_id_act")),
    )
    op.create_index(op.f("ix_news_case_id"), "news", ["case_id"], unique=False)
    op.create_index(op.f("ix_news_due_at"), "news", ["due_at"], unique=False)
    op.create_table(
        "payout",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("grant_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.String(length=32), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "claimed",
                "ordered",
                "paying",
                "sent",
                "paid",
                "returning",
                "returned",
                "cancelled",
                name="payout_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("claimed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("changed", sa.Boolean(), nullable=False),
        sa.Column("looked_by", sa.Uuid(), nullable=True),
        sa.Column("returned_by", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.LargeBinary(), nullable=True),
        sa.Column("destination", sa.String(), nullable=True),
        sa.Column(
            "return_reason",
            sa.Enum(
                "wrong_details",
                "refused",
                "not_arrived",
                "other",
                name="return_reason",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("pays", sa.BigInteger(), nullable=True),
        sa.Column("pays_currency", sa.String(length=3), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("missing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unsure", sa.Boolean(), nullable=False),
        sa.Column("lists", sa.String(), nullable=True),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.Column("hold", sa.String(length=64), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["claimed_by"], ["volunteer.id"], name=op.f("fk_payout_claimed_by_volunteer")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["volunteer.id"], name=op.f("fk_payout_confirmed_by_volunteer")),
        sa.ForeignKeyConstraint(["grant_id"], ["fund_grant.id"], name=op.f("fk_payout_grant_id_fund_grant")),
        sa.ForeignKeyConstraint(["looked_by"], ["volunteer.id"], name=op.f("fk_payout_looked_by_volunteer")),
        sa.ForeignKeyConstraint(["returned_by"], ["volunteer.id"], name=op.f("fk_payout_returned_by_volunteer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout")),
    )
    op.create_index(op.f("ix_payout_grant_id"), "payout", ["grant_id"], unique=False)
    op.create_index(
        "uq_payout_live",
        "payout",
        ["grant_id"],
        unique=True,
        sqlite_where=sa.text("status NOT IN ('returned', 'cancelled')"),
        postgresql_where=sa.text("status NOT IN ('returned', 'cancelled')"),
    )
    op.create_table(
        "posting",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_posting_not_zero")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["ledger_account.id"], name=op.f("fk_posting_account_id_ledger_account")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["journal_entry.id"],
            name=op.f("fk_posting_entry_id_journal_entry"),
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posting")),
    )
    op.create_index(op.f("ix_posting_account_id"), "posting", ["account_id"], unique=False)
    op.create_index(op.f("ix_posting_entry_id"), "posting", ["entry_id"], unique=False)
    op.create_table(
        "question",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_question_case_id_fund_case")),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.id"], name=op.f("fk_question_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_question")),
    )
    op.create_index(op.f("ix_question_case_id"), "question", ["case_id"], unique=False)
    op.create_table(
        "rail_wait",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded", sa.Integer(), nullable=False),
        sa.Column("no_way_since", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_rail_wait_case_id_fund_case")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_rail_wait")),
    )
    op.create_table(
        "recusal",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_recusal_case_id_fund_case")),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.id"], name=op.f("fk_recusal_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recusal")),
        sa.UniqueConstraint("case_id", "volunteer_id", name=op.f("uq_recusal_case_id_volunteer_id")),
    )
    op.create_index(op.f("ix_recusal_case_id"), "recusal", ["case_id"], unique=False)
    op.create_table(
        "screening_question",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "not_same",
                "same",
                "lapsed",
                name="question_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "wallet",
                "exchange",
                "partner",
                "donor",
                "beneficiary",
                name="subject_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column(
            "source",
            sa.Enum("ofac", "eu", name="question_source", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("ref", sa.String(length=64), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("listed_as", sa.String(), nullable=False),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("list_version", sa.String(length=128), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint(
            "status NOT IN ('not_same', 'same') OR (decided_by IS NOT NULL AND reason IS NOT NULL)",
            name=op.f("ck_screening_question_reasoned"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["fund_case.id"], name=op.f("fk_screening_question_case_id_fund_case")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["volunteer.id"], name=op.f("fk_screening_question_decided_by_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screening_question")),
        sa.UniqueConstraint(
            "subject", "source", "ref", "digest", name=op.f("uq_screening_question_subject_source_ref_digest")
        ),
    )
    op.create_index(op.f("ix_screening_question_case_id"), "screening_question", ["case_id"], unique=False)
    op.create_table(
        "seat",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "drawn",
                "voted",
                "stepped_aside",
                "replaced",
                "closed",
                name="seat_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_seat_case_id_fund_case")),
        sa.ForeignKeyConstraint(["volunteer_id"], ["volunteer.id"], name=op.f("fk_seat_volunteer_id_volunteer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seat")),
        sa.UniqueConstraint("case_id", "volunteer_id", "round", name=op.f("uq_seat_case_id_volunteer_id_round")),
    )
    op.create_index(op.f("ix_seat_case_id"), "seat", ["case_id"], unique=False)
    op.create_index(op.f("ix_seat_due_at"), "seat", ["due_at"], unique=False)
    op.create_index(op.f("ix_seat_volunteer_id"), "seat", ["volunteer_id"], unique=False)
    op.create_table(
        "volunteer_role",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "reviewer",
                "treasurer",
                "coordinator",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.id"], name=op.f("fk_volunteer_role_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volunteer_role")),
        sa.UniqueConstraint("volunteer_id", "role", name=op.f("uq_volunteer_role_volunteer_id_role")),
    )
    op.create_index(op.f("ix_volunteer_role_volunteer_id"), "volunteer_role", ["volunteer_id"], unique=False)
    op.create_table(
        "attempt",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("rail", sa.String(length=32), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "prepared",
                "sent",
                "done",
                "failed",
                "dropped",
                name="attempt_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("destination", sa.LargeBinary(), nullable=True),
        sa.Column("prepared", sa.LargeBinary(), nullable=True),
        sa.Column("reference", sa.LargeBinary(), nullable=True),
        sa.Column("lists", sa.String(), nullable=True),
        sa.Column("decided", sa.Boolean(), nullable=False),
        sa.Column("error", sa.String(length=64), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("doubted", sa.Boolean(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("watch_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_attempt_positive")),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_attempt_payout_id_payout")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempt")),
    )
    op.create_index("ix_attempt_due", "attempt", ["status", "next_at"], unique=False)
    op.create_index(op.f("ix_attempt_payout_id"), "attempt", ["payout_id"], unique=False)
    op.create_index(
        "uq_attempt_open",
        "attempt",
        ["payout_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('prepared', 'sent')"),
        postgresql_where=sa.text("status IN ('prepared', 'sent')"),
    )
    op.create_table(
        "chain_transaction",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("cancels", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("max_fee", sa.BigInteger(), nullable=False),
        sa.Column("priority_fee", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_id"], ["chain_transfer.id"], name=op.f("fk_chain_transaction_transfer_id_chain_transfer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chain_transaction")),
        sa.UniqueConstraint("transfer_id", "version", name=op.f("uq_chain_transaction_transfer_id_version")),
    )
    op.create_index(op.f("ix_chain_transaction_transfer_id"), "chain_transaction", ["transfer_id"], unique=False)
    op.create_table(
        "destination_mark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_destination_mark_positive")),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_destination_mark_payout_id_payout")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destination_mark")),
    )
    op.create_index(op.f("ix_destination_mark_at"), "destination_mark", ["at"], unique=False)
    op.create_index("ix_destination_mark_mark", "destination_mark", ["mark", "currency"], unique=False)
    op.create_index(op.f("ix_destination_mark_payout_id"), "destination_mark", ["payout_id"], unique=False)
    op.create_table(
        "emergency_verdict",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("emergency_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.Column("agreed", sa.Boolean(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["emergency_id"], ["emergency.id"], name=op.f("fk_emergency_verdict_emergency_id_emergency")
        ),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.id"], name=op.f("fk_emergency_verdict_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emergency_verdict")),
        sa.UniqueConstraint(
            "emergency_id", "volunteer_id", name=op.f("uq_emergency_verdict_emergency_id_volunteer_id")
        ),
    )
    op.create_index(op.f("ix_emergency_verdict_emergency_id"), "emergency_verdict", ["emergency_id"], unique=False)
    op.create_index(op.f("ix_emergency_verdict_volunteer_id"), "emergency_verdict", ["volunteer_id"], unique=False)
    op.create_table(
        "finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "said",
                "confirmed",
                "denied",
                "overtaken",
                name="finding_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "found",
            sa.Enum("paid", "never", name="found", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column(
            "ground",
            sa.Enum(
                "statement",
                "provider",
                "payer",
                name="ground",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reference", sa.LargeBinary(), nullable=True),
        sa.Column("said_by", sa.Uuid(), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("said_on", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["ended_by"], ["volunteer.id"], name=op.f("fk_finding_ended_by_volunteer")),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_finding_payout_id_payout")),
        sa.ForeignKeyConstraint(["said_by"], ["volunteer.id"], name=op.f("fk_finding_said_by_volunteer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_payout_id"), "finding", ["payout_id"], unique=False)
    op.create_index(
        "uq_finding_said",
        "finding",
        ["payout_id"],
        unique=True,
        sqlite_where=sa.text("status = 'said'"),
        postgresql_where=sa.text("status = 'said'"),
    )
    op.create_table(
        "gift_entry",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("donation_id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["donation_id"], ["donation.id"], name=op.f("fk_gift_entry_donation_id_donation")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["journal_entry.id"], name=op.f("fk_gift_entry_entry_id_journal_entry")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_gift_entry")),
    )
    op.create_index(op.f("ix_gift_entry_donation_id"), "gift_entry", ["donation_id"], unique=False)
    op.create_table(
        "payout_bar",
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column("mark", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_payout_bar_payout_id_payout")),
        sa.PrimaryKeyConstraint("payout_id", "mark", name=op.f("pk_payout_bar")),
    )
    op.create_table(
        "screening_bar",
        sa.Column("question_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["question_id"],
            ["screening_question.id"],
            name=op.f("fk_screening_bar_question_id_screening_question"),
        ),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.id"], name=op.f("fk_screening_bar_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("question_id", "volunteer_id", name=op.f("pk_screening_bar")),
    )
    op.create_table(
        "unread_words",
        sa.Column("follow_up_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["follow_up_id"], ["follow_up.id"], name=op.f("fk_unread_words_follow_up_id_follow_up")
        ),
        sa.ForeignKeyConstraint(
            ["volunteer_id"], ["volunteer.id"], name=op.f("fk_unread_words_volunteer_id_volunteer")
        ),
        sa.PrimaryKeyConstraint("follow_up_id", "volunteer_id", name=op.f("pk_unread_words")),
    )
    op.create_index(op.f("ix_unread_words_volunteer_id"), "unread_words", ["volunteer_id"], unique=False)
    op.create_table(
        "vote",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seat_id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("volunteer_id", sa.Uuid(), nullable=False),
        sa.Column("case_version", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("approve", "decline", name="vote_kind", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("cast_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["fund_case.id"], name=op.f("fk_vote_case_id_fund_case")),
        sa.ForeignKeyConstraint(["seat_id"], ["seat.id"], name=op.f("fk_vote_seat_id_seat")),
        sa.ForeignKeyConstraint(["volunteer_id"], ["volunteer.id"], name=op.f("fk_vote_volunteer_id_volunteer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint("seat_id", "case_version", name=op.f("uq_vote_seat_id_case_version")),
    )
    op.create_index(op.f("ix_vote_case_id"), "vote", ["case_id"], unique=False)
    op.create_index(op.f("ix_vote_seat_id"), "vote", ["seat_id"], unique=False)
    op.create_index(op.f("ix_vote_volunteer_id"), "vote", ["volunteer_id"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("payout_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "said",
                "closed",
                name="incident_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("reference", sa.LargeBinary(), nullable=False),
        sa.Column("record_number", sa.Integer(), nullable=False),
        sa.Column(
            "end",
            sa.Enum(
                "counted",
                "back",
                "lost",
                name="incident_end",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("said_by", sa.Uuid(), nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("found_on", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount > 0", name=op.f("ck_incident_positive")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_incident_attempt_id_attempt")),
        sa.ForeignKeyConstraint(["ended_by"], ["volunteer.id"], name=op.f("fk_incident_ended_by_volunteer")),
        sa.ForeignKeyConstraint(["payout_id"], ["payout.id"], name=op.f("fk_incident_payout_id_payout")),
        sa.ForeignKeyConstraint(["said_by"], ["volunteer.id"], name=op.f("fk_incident_said_by_volunteer")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
        sa.UniqueConstraint("attempt_id", name=op.f("uq_incident_attempt_id")),
    )
    op.create_index(op.f("ix_incident_payout_id"), "incident", ["payout_id"], unique=False)
    op.create_table(
        "voucher",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "mobile",
                "groceries",
                "vpn",
                name="voucher_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "stock",
                "doubted",
                "taken",
                "given",
                "erased",
                name="voucher_status",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("attempt_id", sa.Uuid(), nullable=True),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("loaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown", sa.Integer(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_voucher_positive")),
        sa.ForeignKeyConstraint(["attempt_id"], ["attempt.id"], name=op.f("fk_voucher_attempt_id_attempt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_voucher")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_voucher_fingerprint")),
    )
    op.create_index(op.f("ix_voucher_attempt_id"), "voucher", ["attempt_id"], unique=False)
    op.create_index(op.f("ix_voucher_case_id"), "voucher", ["case_id"], unique=False)
    op.create_index("ix_voucher_stock", "voucher", ["kind", "status"], unique=False)
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("ix_voucher_stock", table_name="voucher")
    op.drop_index(op.f("ix_voucher_case_id"), table_name="voucher")
    op.drop_index(op.f("ix_voucher_attempt_id"), table_name="voucher")
    op.drop_table("voucher")
    op.drop_index(op.f("ix_incident_payout_id"), table_name="incident")
    op.drop_table("incident")
    op.drop_index(op.f("ix_vote_volunteer_id"), table_name="vote")
    op.drop_index(op.f("ix_vote_seat_id"), table_name="vote")
    op.drop_index(op.f("ix_vote_case_id"), table_name="vote")
    op.drop_table("vote")
    op.drop_index(op.f("ix_unread_words_volunteer_id"), table_name="unread_words")
    op.drop_table("unread_words")
    op.drop_table("screening_bar")
    op.drop_table("payout_bar")
    op.drop_index(op.f("ix_gift_entry_donation_id"), table_name="gift_entry")
    op.drop_table("gift_entry")
    op.drop_index(
        "uq_finding_said",
        table_name="finding",
        sqlite_where=sa.text("status = 'said'"),
        postgresql_where=sa.text("status = 'said'"),
    )
    op.drop_index(op.f("ix_finding_payout_id"), table_name="finding")
    op.drop_table("finding")
    op.drop_index(op.f("ix_emergency_verdict_volunteer_id"), table_name="emergency_verdict")
    op.drop_index(op.f("ix_emergency_verdict_emergency_id"), table_name="emergency_verdict")
    op.drop_table("emergency_verdict")
    op.drop_index(op.f("ix_destination_mark_payout_id"), table_name="destination_mark")
    op.drop_index("ix_destination_mark_mark", table_name="destination_mark")
    op.drop_index(op.f("ix_destination_mark_at"), table_name="destination_mark")
    op.drop_table("destination_mark")
    op.drop_index(op.f("ix_chain_transaction_transfer_id"), table_name="chain_transaction")
    op.drop_table("chain_transaction")
    op.drop_index(
        "uq_attempt_open",
        table_name="attempt",
        sqlite_where=sa.text("status IN ('prepared', 'sent')"),
        postgresql_where=sa.text("status IN ('prepared', 'sent')"),
    )
    op.drop_index(op.f("ix_attempt_payout_id"), table_name="attempt")
    op.drop_index("ix_attempt_due", table_name="attempt")
    op.drop_table("attempt")
    op.drop_index(op.f("ix_volunteer_role_volunteer_id"), table_name="volunteer_role")
    op.drop_table("volunteer_role")
    op.drop_index(op.f("ix_seat_volunteer_id"), table_name="seat")
    op.drop_index(op.f("ix_seat_due_at"), table_name="seat")
    op.drop_index(op.f("ix_seat_case_id"), table_name="seat")
    op.drop_table("seat")
    op.drop_index(op.f("ix_screening_question_case_id"), table_name="screening_question")
    op.drop_table("screening_question")
    op.drop_index(op.f("ix_recusal_case_id"), table_name="recusal")
    op.drop_table("recusal")
    op.drop_table("rail_wait")
    op.drop_index(op.f("ix_question_case_id"), table_name="question")
    op.drop_table("question")
    op.drop_index(op.f("ix_posting_entry_id"), table_name="posting")
    op.drop_index(op.f("ix_posting_account_id"), table_name="posting")
    op.drop_table("posting")
    op.drop_index(
        "uq_payout_live",
        table_name="payout",
        sqlite_where=sa.text("status NOT IN ('returned', 'cancelled')"),
        postgresql_where=sa.text("status NOT IN ('returned', 'cancelled')"),
    )
    op.drop_index(op.f("ix_payout_grant_id"), table_name="payout")
    op.drop_table("payout")
    op.drop_index(op.f("ix_news_due_at"), table_name="news")
    op.drop_index(op.f("ix_news_case_id"), table_name="news")
    op.drop_table("news")
    op.drop_table("listed_name")
    op.drop_index("ix_listed_entry_ref", table_name="listed_entry")
    op.drop_table("listed_entry")
    op.drop_index("ix_listed_address_address", table_name="listed_address")
    op.drop_table("listed_address")
    op.drop_table("funding")
    op.drop_index(op.f("ix_follow_up_due_at"), table_name="follow_up")
    op.drop_index(op.f("ix_follow_up_case_id"), table_name="follow_up")
    op.drop_table("follow_up")
    op.drop_index(op.f("ix_fingerprint_value"), table_name="fingerprint")
    op.drop_index(op.f("ix_fingerprint_case_id"), table_name="fingerprint")
    op.drop_table("fingerprint")
    op.drop_index(op.f("ix_emergency_review_due_at"), table_name="emergency")
    op.drop_table("emergency")
    op.drop_index("ix_donation_open", table_name="donation")
    op.drop_index(op.f("ix_donation_monthly_id"), table_name="donation")
    op.drop_index(op.f("ix_donation_chat"), table_name="donation")
    op.drop_table("donation")
    op.drop_index(op.f("ix_danger_call_told_at"), table_name="danger_call")
    op.drop_index(op.f("ix_danger_call_closed_at"), table_name="danger_call")
    op.drop_index(op.f("ix_danger_call_case_id"), table_name="danger_call")
    op.drop_table("danger_call")
    op.drop_index(op.f("ix_chain_transfer_wallet_id"), table_name="chain_transfer")
    op.drop_table("chain_transfer")
    op.drop_index(op.f("ix_chain_stray_wallet_id"), table_name="chain_stray")
    op.drop_index(op.f("ix_chain_stray_moved"), table_name="chain_stray")
    op.drop_table("chain_stray")
    op.drop_index(op.f("ix_attachment_request_next_try_at"), table_name="attachment_request")
    op.drop_index(op.f("ix_attachment_request_case_id"), table_name="attachment_request")
    op.drop_table("attachment_request")
    op.drop_index(op.f("ix_attachment_request_id"), table_name="attachment")
    op.drop_index(op.f("ix_attachment_case_id"), table_name="attachment")
    op.drop_table("attachment")
    op.drop_index(op.f("ix_answer_case_id"), table_name="answer")
    op.drop_table("answer")
    op.drop_table("volunteer")
    op.drop_index(op.f("ix_stripe_look_due_at"), table_name="stripe_look")
    op.drop_table("stripe_look")
    op.drop_index(op.f("ix_sent_message_lane"), table_name="sent_message")
    op.drop_index(op.f("ix_sent_message_fade_at"), table_name="sent_message")
    op.drop_index(op.f("ix_sent_message_erase_at"), table_name="sent_message")
    op.drop_index(op.f("ix_sent_message_case_id"), table_name="sent_message")
    op.drop_table("sent_message")
    op.drop_table("seen_balance")
    op.drop_table("screening_alarm")
    op.drop_index(
        "uq_sanctions_list_loading",
        table_name="sanctions_list",
        sqlite_where=sa.text("status = 'loading'"),
        postgresql_where=sa.text("status = 'loading'"),
    )
    op.drop_index("ix_sanctions_list_status", table_name="sanctions_list")
    op.drop_table("sanctions_list")
    op.drop_index(op.f("ix_review_group_check_at"), table_name="review_group")
    op.drop_table("review_group")
    op.drop_index(op.f("ix_recovery_guess_changed_at"), table_name="recovery_guess")
    op.drop_table("recovery_guess")
    op.drop_index(op.f("ix_rail_health_probe_at"), table_name="rail_health")
    op.drop_table("rail_health")
    op.drop_index("ix_outbox_effect_open", table_name="outbox_effect")
    op.drop_index(op.f("ix_outbox_effect_lane"), table_name="outbox_effect")
    op.drop_index(op.f("ix_outbox_effect_case_id"), table_name="outbox_effect")
    op.drop_table("outbox_effect")
    op.drop_index(op.f("ix_monthly_gift_chat"), table_name="monthly_gift")
    op.drop_table("monthly_gift")
    op.drop_table("ledger_account")
    op.drop_table("known_difference")
    op.drop_index(op.f("ix_keyboard_lane"), table_name="keyboard")
    op.drop_index(op.f("ix_keyboard_expires_at"), table_name="keyboard")
    op.drop_index(op.f("ix_keyboard_case_id"), table_name="keyboard")
    op.drop_table("keyboard")
    op.drop_index(op.f("ix_journal_entry_grant_number"), table_name="journal_entry")
    op.drop_table("journal_entry")
    op.drop_table("invitation")
    op.drop_index("ix_inbox_event_open", table_name="inbox_event")
    op.drop_index("ix_inbox_event_lane_open", table_name="inbox_event")
    op.drop_table("inbox_event")
    op.drop_index(op.f("ix_giver_check_subject"), table_name="giver_check")
    op.drop_table("giver_check")
    op.drop_index(
        "uq_fund_grant_live",
        table_name="fund_grant",
        sqlite_where=sa.text("status <> 'cancelled'"),
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.drop_index(op.f("ix_fund_grant_case_id"), table_name="fund_grant")
    op.drop_table("fund_grant")
    op.drop_index(op.f("ix_fund_case_phrase_wanted"), table_name="fund_case")
    op.drop_index(op.f("ix_fund_case_expires_at"), table_name="fund_case")
    op.drop_index(op.f("ix_fund_case_chat"), table_name="fund_case")
    op.drop_table("fund_case")
    op.drop_table("event_cursor")
    op.drop_index(op.f("ix_conversation_changed_at"), table_name="conversation")
    op.drop_table("conversation")
    op.drop_index(op.f("ix_compliance_record_paid_on"), table_name="compliance_record")
    op.drop_table("compliance_record")
    op.drop_table("chain_wallet")
    op.drop_table("audit_entry")
    op.drop_table("audit_checkpoint")
    op.drop_index(op.f("ix_allowance_until"), table_name="allowance")
    op.drop_table("allowance")
    if op.get_bind().dialect.name == "postgresql":
        for name in FUNCTIONS:
            op.execute(f"DROP FUNCTION {name}")
