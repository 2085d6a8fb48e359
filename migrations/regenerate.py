"""`python -m migrations.regenerate`: write revision 0001 anew from the models.

Only while nothing is released: afterwards each change of the models is a revision of its own.
"""

import re
import subprocess
import sys

from alembic import command
from sqlalchemy import create_engine

from migrations.schema import HERE, functions, settings, triggers

FIRST = HERE / "versions" / "0001.py"
ALEMBIC_REMARK = re.compile(r"^ *# ### .* ###\n", re.MULTILINE)


def main() -> None:
    """Compare the models with an empty database and write the difference down."""
    with create_engine("sqlite://").connect() as connection:
        config = settings(connection)
        config.set_main_option("file_template", "%%(rev)s")
        config.attributes["triggers"] = triggers()
        config.attributes["functions"] = functions(triggers()["postgresql"])
        FIRST.unlink(missing_ok=True)  # only once all models could be read
        command.revision(config, "All tables of the first release", autogenerate=True, rev_id="0001")
    written = FIRST.read_text(encoding="utf-8")
    FIRST.write_text(ALEMBIC_REMARK.sub("", written), encoding="utf-8")
    for arguments in (("format", "--quiet"), ("check", "--fix", "--quiet")):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, str(FIRST)], check=True)  # noqa: S603 - our own tool


if __name__ == "__main__":
    main()
