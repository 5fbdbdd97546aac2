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

/**
 * Which writings of those views are in force, and of what the catalog says of them and of the relations below: their
 * owners, and row-level security. What was replaced and put back is the same again, and what a run read meanwhile was
 * not.
 */
export const RULES = `(${VIEWS}
  SELECT md5(concat_ws(';', string_agg(w.oid || ':' || w.xmin, ',' ORDER BY w.oid),
    (SELECT string_agg(r.oid || ':' || r.xmin, ',' ORDER BY r.oid) FROM pg_catalog.pg_class r
      WHERE r.oid IN (SELECT oid FROM views) OR r.oid IN (
        SELECT d.refobjid FROM views v
          JOIN pg_catalog.pg_rewrite x ON x.ev_class = v.oid
          JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = x.oid
                          AND d.refclassid = 'pg_catalog.pg_class'::regclass))))
    FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid)`;

/** The same of a table whose rows row-level security could hide from us: it may come and go while a run reads. */
export const TABLE_SECURITY = `(
  SELECT md5(r.oid || ':' || r.xmin) FROM pg_catalog.pg_class r, pg_catalog.pg_roles me
   WHERE r.oid = c.oid AND me.rolname = current_user AND NOT me.rolsuper AND NOT me.rolbypassrls
     AND (r.relforcerowsecurity OR NOT pg_catalog.pg_has_role(me.oid, r.relowner, 'USAGE')))`;

/** A sub-select in a view may read other rows of the base, which a change of those then changes too. */
export const SUBLINKS = `(${VIEWS}
  SELECT bool_or(w.ev_action::text LIKE '%:hasSubLinks true%')
    FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid)`;

/** Types of Postgres that print names: by another catalog or another search_path the same value has another text. */
const PRINTS_NAMES = "t.typnamespace = 'pg_catalog'::regnamespace AND t.typname ~ '^_?(reg|aclitem)'";

/**
 * Functions whose answer is not given by their arguments: the time, the session, the catalog, what somebody wrote. Of
 * the stable ones of Postgres itself these are such: those without arguments, those that look something up, and those
 * that split a text into words as the database is set. The others depend on settings, which are pinned.
 */
export const BEYOND_ROW = `(${VIEWS}
  SELECT EXISTS (SELECT FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid
                  WHERE w.ev_action::text LIKE '%{SQLVALUEFUNCTION%')
      OR EXISTS (SELECT FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid
                  CROSS JOIN LATERAL regexp_matches(w.ev_action::text, ':resulttype ([0-9]+)', 'g') AS made (oids)
                  JOIN pg_catalog.pg_type t ON t.oid = made.oids[1]::oid WHERE ${PRINTS_NAMES})
      OR EXISTS (SELECT ${FUNCTIONS}
                  WHERE p.provolatile = 'v' OR p.provolatile = 's' AND (p.pronargs = 0 OR p.oid >= ${FIRST_USER_OID}
                        OR p.proname = 'age' AND p.pronargs = 1
                        OR p.proname ~ '^(current|has|pg|ts)_|_to_xml|(^|_)ts(vector|query)$'
                        OR EXISTS (SELECT FROM pg_catalog.pg_type t
                                    WHERE t.oid = ANY (p.proargtypes::oid[] || p.prorettype)
                                      AND (t.oid = 'oid'::regtype OR ${PRINTS_NAMES})))))`;

/** System columns tell where and by whom a row was written: an update with equal values changes them. */
export const SYSTEM_COLUMNS = `(${VIEWS}
  SELECT bool_or(w.ev_action::text ~ '\\{VAR :varno [0-9]+ :varattno -')
    FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid)`;

/** A rule in the place of DELETE hides whether Postgres could delete through such a view by itself. 4 is DELETE. */
export const DELETE_RULE = `(${VIEWS}
  SELECT EXISTS (SELECT FROM views JOIN pg_catalog.pg_rewrite w ON w.ev_class = views.oid
                  WHERE w.ev_type = '4' AND w.is_instead))`;

/**
 * Whether row-level security of a table below applies to the owner of such a view, who reads it for everybody. A
 * view with `security_invoker` is read as whoever asks.
 */
export const OWNER_SECURITY = `(${VIEWS}
  SELECT EXISTS (
    SELECT FROM views
      JOIN pg_catalog.pg_class v ON v.oid = views.oid
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_options_to_table(v.reloptions)
                        WHERE option_name = 'security_invoker' AND option_value::boolean)
      JOIN pg_catalog.pg_roles o ON o.oid = v.relowner AND NOT o.rolsuper AND NOT o.rolbypassrls
     CROSS JOIN views AS lowest
      JOIN pg_catalog.pg_rewrite w ON w.ev_class = lowest.oid
      JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid
                      AND d.refclassid = 'pg_catalog.pg_class'::regclass
      JOIN pg_catalog.pg_class b ON b.oid = d.refobjid AND b.relrowsecurity
     WHERE b.relforcerowsecurity OR NOT pg_catalog.pg_has_role(o.oid, b.relowner, 'USAGE')))`;
