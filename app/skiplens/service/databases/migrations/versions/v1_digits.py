"""The first tables. What is stored in them is what the SQLite file has."""

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def upgrade() -> None:
    """Create the tables of digits, images and lessons."""
    op.create_table(
        "digits",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column(
            "pixels", sa.LargeBinary, sa.CheckConstraint("length(pixels) = 784"), nullable=False
        ),
        sa.Column("inverted", sa.Integer, nullable=False),
        sa.Column("box", sa.Text, nullable=False),
        sa.Column("warnings", sa.Text, nullable=False),
        sa.Column("used", sa.Double, nullable=False, index=True),
        sa.Column("candidates", sa.Text, nullable=False),
    )
    op.create_table(
        "shared",
        sa.Column("place", sa.BigInteger, sa.Identity(), primary_key=True),
        sa.Column("lesson", sa.Text, nullable=False),
        sa.Column("digit", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.UniqueConstraint("lesson", "digit"),
    )
    op.create_table(
        "images",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("shape", sa.Text, nullable=False),
        sa.Column("pixels", sa.LargeBinary, nullable=False),
        sa.Column("used", sa.Double, nullable=False),
    )
