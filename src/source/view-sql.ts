/** What a run has to know of a view, as scalar sub-selects over the alias `c` of pg_class. */

/** A view `c` and all views that it reads. */
const VIEWS = `
  WITH RECURSIVE views (oid) AS (
    SELECT c.oid
    UNION
    SELECT below.oid
      FROM views v
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
                      AND d.refclassid = 'pg_catalog.pg_class'::regclass
      JOIN pg_catalog.pg_class below ON below.oid = d.refobjid AND below.relkind = 'v')`;

/** What those views call. Postgres records no dependency on its own functions, so their parse trees are looked into. */
const FUNCTIONS = `
    FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid
    CROSS JOIN LATERAL regexp_matches(w.ev_action::text, ':(?:op)?funcid ([0-9]+)', 'g') AS called (oids)
    JOIN pg_catalog.pg_proc p ON p.oid = called.oids[1]::oid`;

/** Oids below are of what a new cluster has. */
const FIRST_USER_OID = 16384;

/** The definitions of a view, of all views that it reads, and of the functions that those call. */
export const DEFINITIONS = `(${VIEWS}
  SELECT concat_ws(' ',
    (SELECT string_agg(views.oid::regclass::text || ': ' || pg_catalog.pg_get_viewdef(views.oid), ' '
                       ORDER BY views.oid::regclass::text) FROM views),
    (SELECT string_agg(DISTINCT pg_catalog.pg_get_functiondef(p.oid), ' ') ${FUNCTIONS}
      WHERE p.oid >= ${FIRST_USER_OID} AND p.prokind = 'f')))`;

/** A sub-select in a view may read other rows of the base, which a change of those then changes too. */
export const SUBLINKS = `(${VIEWS}
  SELECT bool_or(w.ev_action::text LIKE '%:hasSubLinks true%')
    FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid)`;

/**
 * Functions whose answer is not given by their arguments: the time, the session, what somebody wrote. Of the stable ones
 * of Postgres itself those without arguments are such; the others depend on settings, which are pinned.
 */
export const BEYOND_ROW = `(${VIEWS}
  SELECT EXISTS (SELECT FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid
                  WHERE w.ev_action::text LIKE '%{SQLVALUEFUNCTION%')
      OR EXISTS (SELECT ${FUNCTIONS}
                  WHERE p.provolatile = 'v' OR p.provolatile = 's' AND (p.pronargs = 0 OR p.oid >= ${FIRST_USER_OID}
                        OR p.proname IN ('current_setting', 'age') AND p.pronargs = 1)))`;
