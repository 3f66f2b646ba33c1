//! The statements. All of them find each record by the primary key, whatever the statistics of the table.

/// Locks a project against the groups of other hosts until the transaction ends. It is a statement of its own, because the
/// next one must see the state after the lock is taken.
pub(super) const LOCK_HEAD: &str = "
    INSERT INTO mlforge.heads AS h (project, seq) VALUES ($1, 1) ON CONFLICT (project) DO UPDATE SET seq = h.seq + 1";

/// Decides a group of commits and applies those whose checks hold. Returns the place of the first broken check of each other
/// commit, counted from 1 over all checks, and -1 if another connection has taken this writer's fence: then nothing was done.
///
/// Parameters: checks (ord, project, key, version), puts and raises (ord, project, key, version, value), deletes (ord, project,
/// key), then the group's id, the writer, and the id of its last group.
pub(super) const APPLY: &str = "
    WITH broken AS MATERIALIZED (
        SELECT c.ord, min(c.place) AS place
        FROM unnest($1::int4[], $2::int8[], $3::bytea[], $4::int8[]) WITH ORDINALITY AS c(ord, project, key, version, place)
        WHERE coalesce((SELECT r.version FROM mlforge.records r WHERE r.project = c.project AND r.key = c.key), 0) <> c.version
        GROUP BY c.ord),
    fence AS MATERIALIZED (
        UPDATE mlforge.writers SET last = $18, broken = ARRAY(SELECT place FROM broken), used = now()
        WHERE id = $19 AND last = $20 RETURNING 1),
    put AS (
        INSERT INTO mlforge.records AS r (project, key, version, value)
        SELECT DISTINCT ON (w.project, w.key) w.project, w.key, w.version, w.value
        FROM unnest($5::int4[], $6::int8[], $7::bytea[], $8::int8[], $9::bytea[]) AS w(ord, project, key, version, value)
        WHERE EXISTS (SELECT FROM fence) AND w.ord NOT IN (SELECT ord FROM broken)
        ORDER BY w.project, w.key, w.ord DESC
        ON CONFLICT (project, key) DO UPDATE SET version = excluded.version, value = excluded.value),
    raise AS (
        INSERT INTO mlforge.records AS r (project, key, version, value)
        SELECT DISTINCT ON (w.project, w.key) w.project, w.key, w.version, w.value
        FROM unnest($10::int4[], $11::int8[], $12::bytea[], $13::int8[], $14::bytea[]) AS w(ord, project, key, version, value)
        WHERE EXISTS (SELECT FROM fence) AND w.ord NOT IN (SELECT ord FROM broken)
        ORDER BY w.project, w.key, w.value DESC, w.ord
        ON CONFLICT (project, key) DO UPDATE SET version = excluded.version, value = excluded.value
        WHERE excluded.value > r.value),
    gone AS (
        DELETE FROM mlforge.records WHERE (project, key) IN (
            SELECT w.project, w.key FROM unnest($15::int4[], $16::int8[], $17::bytea[]) AS w(ord, project, key)
            WHERE EXISTS (SELECT FROM fence) AND w.ord NOT IN (SELECT ord FROM broken)))
    SELECT place FROM broken UNION ALL SELECT -1::int8 WHERE NOT EXISTS (SELECT FROM fence)";

/// Creates a fence.
pub(super) const MAKE_FENCE: &str = "INSERT INTO mlforge.writers (id, last) VALUES ($1, $2)";

/// Takes a fence over from a lost connection, and returns the last group and its broken checks. The lock waits for the
/// transaction of that connection, if it still runs. After this, that transaction cannot commit.
pub(super) const TAKE_FENCE: &str = "
    WITH former AS (SELECT id, last, broken FROM mlforge.writers WHERE id = $1 FOR UPDATE)
    UPDATE mlforge.writers w SET last = $2, used = now() FROM former WHERE w.id = former.id
    RETURNING former.last, former.broken";

/// Removes the fences of hosts that ended long ago. No caller waits for an outcome that is a day old.
pub(super) const SWEEP_FENCES: &str = "DELETE FROM mlforge.writers WHERE used < now() - interval '1 day'";

/// Reads keys: the place of each that exists, counted from 1. `$3` bounds the bytes of all values: the first value that exceeds
/// it is NULL, and none follows.
pub(super) const GET: &str = "
    SELECT place, version, CASE WHEN total <= $3 THEN value END FROM (
        SELECT k.place, r.version, r.value, sum(octet_length(r.value)::int8) OVER (ROWS UNBOUNDED PRECEDING)::int8 AS total
        FROM unnest($2::bytea[]) WITH ORDINALITY AS k(key, place),
        LATERAL (SELECT version, value FROM mlforge.records WHERE project = $1 AND key = k.key LIMIT 1) r) found
    WHERE total - octet_length(value) <= $3";

/// Reads ranges: the place of the range of each entry, counted from 1, with key and value. The entries before one have less than
/// `$6` bytes. The first entry beyond is NULL, and none follows. `$7` bounds the number of entries.
pub(super) const SCAN: &str = "
    SELECT place, key, CASE WHEN before < $6 THEN value END FROM (
        SELECT place, key, value,
            coalesce(sum(octet_length(key) + octet_length(value)::int8)
                OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::int8 AS before,
            coalesce(sum(octet_length(key) + octet_length(value)::int8)
                OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND 2 PRECEDING), 0)::int8 AS before_former
        FROM (
            SELECT g.place, r.key, r.value
            FROM unnest($2::bytea[], $3::bytea[], $4::int8[], $5::bool[]) WITH ORDINALITY AS g(lo, hi, n, down, place),
            LATERAL (
                (SELECT key, value FROM mlforge.records
                    WHERE NOT g.down AND project = $1 AND key >= g.lo AND key < g.hi ORDER BY key LIMIT g.n)
                UNION ALL
                (SELECT key, value FROM mlforge.records
                    WHERE g.down AND project = $1 AND key >= g.lo AND key < g.hi ORDER BY key DESC LIMIT g.n)) r
            LIMIT $7) entries) bounded
    WHERE before_former < $6";

/// Sums the bytes of at most `$3` records of a project after a key. The key of the last one is NULL if there are none.
pub(super) const MEASURE: &str = "
    WITH part AS MATERIALIZED (
        SELECT key, octet_length(key) + octet_length(value)::int8 AS bytes FROM mlforge.records
        WHERE project = $1 AND key > $2 ORDER BY key LIMIT $3)
    SELECT coalesce(sum(bytes), 0)::int8, (SELECT key FROM part ORDER BY key DESC LIMIT 1) FROM part";

/// The numbers of projects after one, each found by one look into the primary key.
pub(super) const PROJECTS: &str = "
    WITH RECURSIVE found (project) AS (
        SELECT min(project) FROM mlforge.records WHERE project > $1
        UNION ALL
        SELECT (SELECT min(project) FROM mlforge.records WHERE project > found.project)
        FROM found WHERE project IS NOT NULL)
    SELECT project FROM found WHERE project IS NOT NULL LIMIT $2";
