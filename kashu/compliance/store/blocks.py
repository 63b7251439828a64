"""What stands in the way, as expressions of SQL: whoever asks for goods or cards asks in the same statement.

They are read by the clock and never pushed: where the cause is gone, so is the block. Each takes `%(day)s`, the business
day, and works on reference tables that hold a few rows for each seller.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from kashu.compliance.rules import EVERYWHERE, REVERIFY_GRACE_DAYS, REVERIFY_MONTHS
from kashu.kernel.db import Db, columns, value, values

_VERIFIED_ON = "(standing.verified_at AT TIME ZONE 'Asia/Shanghai')::date"
_DUE = f"{_VERIFIED_ON} + interval '{REVERIFY_MONTHS} months'"
_OVERDUE = f"({_DUE} + interval '{REVERIFY_GRACE_DAYS} days' < %(day)s)"
# Under what rules it trades, or what it traded is served, the other causes say. Who was closed without an exit never came in.
_CAME_IN = """(standing.state IN ('active', 'restricted', 'suspended', 'exiting')
    OR (standing.state = 'closed' AND standing.exiting_at IS NOT NULL))"""
OPENABLE = ("douyin_coin",)  # shut goods that a chain from the issuer itself may open


def _holds(party: str, kind: str, scope: str = "''", national: str = "false") -> str:
    return f"""EXISTS (
        SELECT FROM compliance_licence AS held
        WHERE held.party_id = {party} AND held.kind = {kind} AND ({scope} = '' OR {scope} = ANY (held.scope))
          AND (NOT {national} OR held.territory = '{EVERYWHERE}')
          AND held.state = 'verified' AND %(day)s BETWEEN held.valid_from AND held.valid_to)"""


def _unmet(seller: str, goods: str) -> str:
    """Whether a kind of goods is not mapped, shut, or lacks a licence that somebody has to hold for it.

    Of a supplier's business licence, `_of_party` asks: that it ran out is no lapse of a category.
    """
    holder = f"CASE need.who WHEN 'seller' THEN {seller} ELSE (SELECT id FROM party_party WHERE kind = 'platform') END"
    return f"""NOT EXISTS (
        SELECT FROM compliance_goods AS known JOIN party_party AS selling ON selling.id = {seller}
        WHERE known.code = {goods}
          AND (NOT known.is_shut OR (known.code = ANY ('{{{",".join(OPENABLE)}}}') AND EXISTS (
              SELECT FROM compliance_authorisation AS link
              WHERE link.grantee_id = {seller} AND link.opens_shut AND known.code = ANY (link.goods)
                AND link.state = 'verified' AND %(day)s BETWEEN link.valid_from AND link.valid_to
                AND NOT EXISTS (SELECT FROM party_platform WHERE is_solo))))
          AND NOT EXISTS (
              SELECT FROM compliance_requirement AS need
              WHERE need.goods = known.code AND (NOT need.third OR selling.kind <> 'platform')
                AND NOT (need.who = 'seller' AND need.licence = 'business' AND selling.kind <> 'platform')
                AND NOT {_holds(holder, "need.licence", "need.scope", "need.is_national")}))"""


def _ran_out(party: str) -> str:
    """Whether a business licence has come to its last day, and none was taken back since that one was verified."""
    return f"""EXISTS (
        SELECT FROM compliance_licence AS held
        WHERE held.party_id = {party} AND held.kind = 'business' AND held.state = 'verified' AND held.valid_to < %(day)s
          AND NOT EXISTS (
              SELECT FROM compliance_licence AS taken WHERE taken.party_id = held.party_id AND taken.kind = 'business'
                AND taken.state = 'revoked' AND taken.moved_at > held.moved_at))"""


def _of_party(party: str) -> str:
    """The causes that a supplier itself is, whatever it sells; the platform is none, and who never came in is barred."""
    return f"""coalesce((
        SELECT array_remove(ARRAY[
            CASE WHEN NOT {_CAME_IN} THEN 'supplier'
                 WHEN {_holds("standing.party_id", "'business'")} THEN NULL
                 WHEN {_ran_out("standing.party_id")} THEN 'lapsed' ELSE 'supplier' END,
            CASE standing.state WHEN 'suspended' THEN 'suspended' WHEN 'exiting' THEN 'exiting' WHEN 'closed' THEN 'exiting' END,
            CASE WHEN standing.state <> 'active' AND EXISTS (
                      SELECT FROM party_hit AS hit WHERE hit.party_id = standing.party_id AND hit.state = 'confirmed')
                 THEN 'listed' END,
            CASE WHEN {_OVERDUE} THEN 'reverify' END
        ], NULL) FROM party_supplier AS standing WHERE standing.party_id = {party}
    ), CASE WHEN (SELECT kind FROM party_party WHERE id = {party}) <> 'platform' THEN ARRAY['supplier']
            ELSE '{{}}'::text[] END)"""


def blocks(seller: str, goods: str) -> str:
    """The causes that stop a purchase, as `text[]`: of a seller's goods of a kind, both given as columns."""
    return f"""CASE WHEN {_unmet(seller, goods)} THEN ARRAY['category_licence'] ELSE '{{}}'::text[] END
        || {_of_party(seller)}"""


def is_throttled(seller: str) -> str:
    """Whether a seller, given as a column, may sell so much a day and no more (限流)."""
    return f"EXISTS (SELECT FROM party_supplier WHERE party_id = {seller} AND state = 'restricted')"


def _unopened(pool: str, goods: str) -> str:
    """Whether a pool's goods are shut and it is under no link that opens them: a chain opens what came by it, no more."""
    kinds = "".join(f"""WHEN '{one}' THEN NOT EXISTS (
                  SELECT FROM compliance_authorisation AS opening WHERE opening.id = {pool}.authorisation_id
                    AND opening.opens_shut AND '{one}' = ANY (opening.goods)) """ for one in OPENABLE)  # fmt: skip
    return f"CASE {goods} {kinds} ELSE false END"


def pool_stops(pool: str, goods: str) -> str:
    """The causes that keep a pool's cards from being sold, as `text[]`: its authorisation, its supplier, a takedown (C-14).

    `goods` is the kind of what the pool holds, as a column or an expression.
    """
    return f"""array_remove(ARRAY[
        CASE WHEN {_unopened(pool, goods)} OR {pool}.authorisation_id IS NOT NULL AND NOT EXISTS (
                  SELECT FROM compliance_authorisation AS link WHERE link.id = {pool}.authorisation_id
                    AND link.state = 'verified' AND %(day)s BETWEEN link.valid_from AND link.valid_to)
             THEN 'authorisation' END,
        CASE WHEN EXISTS (SELECT FROM compliance_stop AS down WHERE down.sku_id = {pool}.sku_id) THEN 'takedown' END
    ], NULL) || {_of_party(f"{pool}.supplier_id")}"""


def pool_stands(pool: str, goods: str) -> str:
    """Whether nothing keeps a pool's cards from being sold."""
    return f"({pool_stops(pool, goods)}) = '{{}}'"


def of_seller(db: Db, seller_id: int, goods: str | None, day: date) -> list[str]:
    """The causes that stop purchases of a seller's goods of a kind on a day."""
    found: list[str] = value(db, f"SELECT {blocks('%(seller)s', '%(goods)s')}", {  # type: ignore[arg-type]  # named
        "seller": seller_id, "goods": goods, "day": day,
    })  # fmt: skip
    return found


def of_party(db: Db, party_id: int, day: date) -> list[str]:
    """The causes that stop purchases of whatever a supplier sells or brings, on a day."""
    found: list[str] = value(db, f"SELECT {_of_party('%(party)s')}", {"party": party_id, "day": day})  # type: ignore[arg-type]  # same
    return found


def of_sellers(db: Db, asked: Sequence[tuple[int, str]], day: date) -> list[tuple[int, str]]:
    """(seller, cause) of everything that stops purchases of these (seller, kind of goods) on a day."""
    sellers, kinds = columns(asked, 2)
    sql = f"""
    SELECT DISTINCT told.seller, cause FROM unnest(%(sellers)s::bigint[], %(goods)s::text[]) AS told (seller, goods)
    CROSS JOIN LATERAL unnest({blocks("told.seller", "told.goods")}) AS cause
    """
    return db.execute(sql, {"sellers": sellers, "goods": kinds, "day": day}).fetchall()  # type: ignore[call-overload, no-any-return]  # named, two columns


def late_sellers(db: Db, party_ids: Collection[int], day: date) -> list[int]:
    """Those of these suppliers whose half year of verification is over."""
    sql = f"SELECT party_id FROM party_supplier AS standing WHERE party_id = ANY (%s) AND %s::date > ({_DUE})::date"
    return values(db, sql, [list(party_ids), day])


def reverify_days(db: Db, party_id: int, day: date) -> int | None:
    """Days since a supplier's half year of verification was over, 0 or less while it is not; None for who is no supplier."""
    sql = f"SELECT %s::date - ({_DUE})::date FROM party_supplier AS standing WHERE party_id = %s"
    found: int | None = value(db, sql, [day, party_id])
    return found


def states(db: Db, party_ids: list[int]) -> dict[int, str]:
    sql = "SELECT party_id, state FROM party_supplier WHERE party_id = ANY (%s)"
    return dict(db.execute(sql, [party_ids]).fetchall())
