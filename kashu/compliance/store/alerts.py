from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from kashu.compliance.rules import EVERYWHERE
from kashu.compliance.types import Alert
from kashu.kernel.db import Db, columns, rows

OVER_DAYS = 180  # an authorisation that nobody renewed is let go in the end; a licence is renewed or revoked
# As `rules.renews`, in SQL, of what was handed in.
RENEWS = """
SELECT FROM compliance_authorisation AS new
WHERE new.grantee_id = old.grantee_id AND new.brand = old.brand AND new.grantor = old.grantor
  AND new.grantor_id IS NOT DISTINCT FROM old.grantor_id AND old.goods <@ new.goods
  AND ('全国' = ANY (new.territory) OR old.territory <@ new.territory)
  AND (new.may_resell OR NOT old.may_resell) AND new.valid_to > old.valid_to
"""
# A renewal that begins later than the old one ends leaves days on which nothing is sold: until it has begun, that is said.
UNRENEWED = f"""
old.state = 'verified' AND old.valid_to >= %(day)s::date - {OVER_DAYS}
AND NOT EXISTS ({RENEWS} AND new.state = 'verified' AND new.valid_from <= greatest(old.valid_to + 1, %(day)s::date))
"""
# A verified renewal that covers what the licence does and leaves no day between them.
RENEWED = f"""EXISTS (
    SELECT FROM compliance_licence AS new
    WHERE new.party_id = licence.party_id AND new.kind = licence.kind AND new.state = 'verified'
      AND (new.number = licence.number OR new.supersedes_id = licence.id)
      AND licence.scope <@ new.scope AND new.territory IN ('{EVERYWHERE}', licence.territory)
      AND new.valid_from <= licence.valid_to + 1 AND new.valid_to > licence.valid_to)"""
ALERTS = f"""
SELECT found.* FROM (
    SELECT 'licence' AS paper, alert.licence_id AS paper_id, alert.what, alert.severity, alert.due_on, licence.party_id
    FROM compliance_alert AS alert
    JOIN compliance_licence AS licence ON licence.id = alert.licence_id AND licence.state = 'verified'
    WHERE starts_with(alert.what, 'report_') OR NOT {RENEWED}
    UNION ALL
    SELECT 'authorisation', alert.authorisation_id, alert.what, alert.severity, alert.due_on, old.grantee_id
    FROM compliance_link_alert AS alert
    JOIN compliance_authorisation AS old ON old.id = alert.authorisation_id AND {UNRENEWED}
) AS found
"""


def raise_alerts(db: Db, found: Sequence[Alert], at: datetime) -> list[Alert]:
    """Write down alerts; those that are new or have grown worse are returned."""
    return [
        *_raise(db, "compliance_alert", "licence", [one for one in found if one.paper == "licence"], at),
        *_raise(
            db, "compliance_link_alert", "authorisation", [one for one in found if one.paper == "authorisation"], at
        ),
    ]


def alerts(
    db: Db, day: date, most: int, after: tuple[date, str, int, str] | None = None, *, party_id: int | None = None
) -> list[Alert]:
    """The alerts of papers in force that nothing renews, of one party or of all, the soonest due first."""
    due, paper, paper_id, what = after or (None, None, None, None)
    sql = f"""
    SELECT paper_id, what, severity, due_on, paper FROM ({ALERTS}) AS alert
    WHERE (%(party)s::bigint IS NULL OR party_id = %(party)s)
      AND (%(due)s::date IS NULL OR (due_on, paper, paper_id, what) > (%(due)s, %(paper)s::text, %(paper_id)s, %(what)s::text))
    ORDER BY due_on, paper, paper_id, what LIMIT %(most)s
    """
    told = {"day": day, "party": party_id, "due": due, "paper": paper, "paper_id": paper_id, "what": what, "most": most}
    return rows(db, Alert, sql, told)  # type: ignore[arg-type]  # named parameters


def unrenewed(db: Db, day: date, until: date, most: int, after: tuple[date, int] | None = None) -> dict[int, bool]:
    """Verified authorisations that end until a day and that nothing renews yet, the soonest first: whether a renewal waits."""
    last, link_id = after or (None, None)
    sql = f"""
    SELECT old.id, EXISTS ({RENEWS} AND new.state IN ('in_review', 'verified'))
    FROM compliance_authorisation AS old WHERE {UNRENEWED} AND old.valid_to <= %(until)s
      AND (%(last)s::date IS NULL OR (old.valid_to, old.id) > (%(last)s, %(link)s))
    ORDER BY old.valid_to, old.id LIMIT %(most)s
    """
    told = {"day": day, "until": until, "last": last, "link": link_id, "most": most}
    return dict(db.execute(sql, told).fetchall())  # type: ignore[arg-type]  # two columns


def _raise(db: Db, table: str, paper: str, found: Sequence[Alert], at: datetime) -> list[Alert]:
    key = f"{paper}_id"
    sql = f"""
    INSERT INTO {table} AS known ({key}, what, severity, due_on, raised_at)
    SELECT paper_id, what, severity, due_on, %s
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::date[]) AS new (paper_id, what, severity, due_on)
    ORDER BY paper_id, what
    ON CONFLICT ({key}, what) DO UPDATE SET severity = excluded.severity, raised_at = excluded.raised_at
    WHERE known.severity <> excluded.severity
    RETURNING {key} AS paper_id, what, severity, due_on, '{paper}' AS paper
    """
    told = [(one.paper_id, one.what, one.severity, one.due_on) for one in found]
    return rows(db, Alert, sql, [at, *columns(told, 4)])
