-- The canonical key text of a row: one text for triggers, ledger and runs, and src/source/key-text.ts reads it. Two keys
-- have the same text only if they print alike, and texts sort by their bytes as the columns sort, where a column has an
-- order of bytes at all. One column that prints as text is its text. Numbers begin with their number of digits.
SET LOCAL lock_timeout = '5s';
--> statement-breakpoint
-- Of these columns, those whose NOT NULL is NOT VALID (from Postgres 18 on): they may hold NULL, although `attnotnull` is set.
CREATE FUNCTION datahub_sync.unvalidated_columns(relation regclass, column_names text[])
RETURNS TABLE (column_name text, constraint_name text)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT a.attname::text, c.conname::text
    FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
   WHERE c.conrelid = relation AND c.contype = 'n' AND NOT c.convalidated AND a.attname = ANY (column_names)
   ORDER BY a.attnum;
$function$;
--> statement-breakpoint
-- The unique index by which the columns identify a row: valid, of nothing but these columns, each NOT NULL and in its
-- type's own order; null where there is none. The primary key comes first.
CREATE FUNCTION datahub_sync.key_index(relation regclass, key_columns text[]) RETURNS oid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT i.indexrelid
    FROM pg_index i
   WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
     AND NOT EXISTS (SELECT FROM datahub_sync.unvalidated_columns(relation, key_columns))
     AND (SELECT array_agg(a.attname::text ORDER BY a.attname::text COLLATE "C") FILTER (WHERE a.attnotnull)
            FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
            JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = k.attnum
           WHERE k.position <= i.indnkeyatts)
       = (SELECT array_agg(name ORDER BY name COLLATE "C") FROM unnest(key_columns) AS name)
   ORDER BY i.indisprimary DESC, i.indexrelid LIMIT 1;
$function$;
--> statement-breakpoint
-- The same columns in the order of that index, which is the order that rows can be read in; null where they are no key.
CREATE FUNCTION datahub_sync.order_key(relation regclass, key_columns text[]) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT array_agg(a.attname::text ORDER BY k.position)
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
   WHERE i.indexrelid = datahub_sync.key_index(relation, key_columns) AND k.position <= i.indnkeyatts;
$function$;
--> statement-breakpoint
-- The key to use when none is named: the primary key's columns in their order, or null.
CREATE FUNCTION datahub_sync.primary_key(relation regclass) RETURNS text[]
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT array_agg(a.attname::text ORDER BY k.position)
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
   WHERE i.indrelid = relation AND i.indisprimary AND k.position <= i.indnkeyatts;
$function$;
--> statement-breakpoint
-- Whether a collation sorts by bytes: C and POSIX, and what Postgres brings itself (builtin C, C.UTF-8 and their like,
-- which sort by code points). Not where the bytes are those of another encoding than UTF8, which is what Convex and we sort
-- by. How the catalog says so differs from version to version.
CREATE FUNCTION datahub_sync.sorts_by_bytes(sorting oid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT coalesce(bool_and(CASE provider WHEN 'c' THEN locale IN ('C', 'POSIX') ELSE provider = 'b' END), false)
     AND getdatabaseencoding() = 'UTF8'
    FROM (SELECT CASE WHEN o.own THEN c ->> 'collprovider' ELSE coalesce(d ->> 'datlocprovider', 'c') END,
                 CASE WHEN o.own THEN c ->> 'collcollate' ELSE d ->> 'datcollate' END
            FROM (SELECT to_jsonb(pg_collation) FROM pg_collation WHERE oid = sorting) AS one (c),
                 (SELECT to_jsonb(pg_database) FROM pg_database WHERE datname = current_database()) AS two (d),
                 LATERAL (SELECT c ->> 'collprovider' <> 'd') AS o (own)) AS found (provider, locale);
$function$;
--> statement-breakpoint
-- The key's columns in the order given. `kind`: how the text is made. `bytewise`: whether the texts sort as the index
-- does. `sorting`: the collation to order by, where the index has another one than the column. `pinned`: what the type
-- prints depends on no setting. Types are told by what prints them, which a domain has from the type at its bottom.
CREATE FUNCTION datahub_sync.key_parts(relation regclass, key_columns text[])
RETURNS TABLE (place integer, name text, kind text, bytewise boolean, sorting text, pinned boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
  SELECT k.place::integer, k.name,
         CASE WHEN t.typoutput = ANY ('{int2out,int4out,int8out,oidout}'::regproc[]) THEN 'integer'
              WHEN t.typoutput = 'date_out'::regproc THEN 'date'
              WHEN t.typoutput = 'timestamp_out'::regproc THEN 'timestamp'
              WHEN t.typoutput = 'timestamptz_out'::regproc THEN 'timestamptz'
              WHEN t.typoutput = 'byteaout'::regproc THEN 'bytea' ELSE 'text' END,
         t.typoutput = ANY ('{int2out,int4out,int8out,oidout,date_out,timestamp_out,timestamptz_out,byteaout,uuid_out,boolout}'::regproc[])
           OR t.typoutput = ANY ('{textout,varcharout,bpcharout,nameout}'::regproc[])
              AND datahub_sync.sorts_by_bytes(coalesce(i.sorting, a.attcollation)),
         CASE WHEN i.sorting <> a.attcollation THEN
           (SELECT format('%I.%I', nspname, collname) FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
             WHERE c.oid = i.sorting) END,
         t.typtype = 'e' OR t.typoutput = ANY ('{int2out,int4out,int8out,oidout,date_out,timestamp_out,timestamptz_out,byteaout,uuid_out,boolout,textout,varcharout,bpcharout,nameout,charout,numeric_out,inet_out,cidr_out,macaddr_out,macaddr8_out,time_out,timetz_out,bit_out,varbit_out}'::regproc[])
    FROM unnest(key_columns) WITH ORDINALITY AS k (name, place)
    JOIN pg_attribute a ON a.attrelid = relation AND a.attname = k.name AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN LATERAL (
      SELECT c.attcollation FROM pg_index x
       CROSS JOIN LATERAL unnest(x.indkey::smallint[], x.indcollation::oid[]) AS c (attnum, attcollation)
       WHERE x.indexrelid = datahub_sync.key_index(relation, key_columns) AND c.attnum = a.attnum) AS i (sorting) ON true
   ORDER BY k.place;
$function$;
--> statement-breakpoint
-- A whole number, given as SQL that is below zero for negative ones, and as SQL that prints it. Of negative ones, more
-- digits come first, and 9 before 0.
CREATE FUNCTION datahub_sync.number_key(number text, printed text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT format($sql$CASE WHEN %1$s OPERATOR(pg_catalog.>=) 0
    THEN pg_catalog.chr(96 OPERATOR(pg_catalog.+) pg_catalog.length(%2$s)) OPERATOR(pg_catalog.||) %2$s
    ELSE pg_catalog.chr(92 OPERATOR(pg_catalog.-) pg_catalog.length(%2$s)) OPERATOR(pg_catalog.||)
         pg_catalog.translate(pg_catalog.substr(%2$s, 2), '0123456789', '9876543210') END$sql$, number, printed);
$function$;
--> statement-breakpoint
-- A date or timestamp that may be infinite: `-` sorts before all numbers, `~` after them.
CREATE FUNCTION datahub_sync.time_key(value text, number text, type text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $function$
  SELECT format($sql$CASE WHEN pg_catalog.isfinite(%1$s) THEN %2$s
    WHEN %1$s OPERATOR(pg_catalog.>) CAST('1970-01-01' AS pg_catalog.%3$s) THEN '~' ELSE '-' END$sql$,
    value, datahub_sync.number_key(format('(%s)', number), format('CAST(%s AS pg_catalog.text)', number)), type);
$function$;
--> statement-breakpoint
-- The SQL expression of a row's key text. Every name in it is qualified, operators and collations too: it runs inside the
-- statements of writers whose search_path and temporary tables may be named like anything. Of several columns, texts
-- are escaped and ended, so that ('a','x') sorts before ('a!','x').
CREATE FUNCTION datahub_sync.key_expression(relation regclass, key_columns text[], row_alias text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET quote_all_identifiers = off AS $function$
  SELECT string_agg(
           CASE WHEN kind IN ('text', 'bytea') AND cardinality(key_columns) > 1 THEN
             format($sql$pg_catalog.replace(pg_catalog.replace((%s) COLLATE pg_catalog."C", E'\x02', E'\x02\x02'), E'\x01', E'\x02\x01') OPERATOR(pg_catalog.||) E'\x01'$sql$, printed)
           ELSE format('(%s)', printed) END, ' OPERATOR(pg_catalog.||) ' ORDER BY place)
    FROM (SELECT place, kind, CASE kind
             WHEN 'integer' THEN datahub_sync.number_key(value, format('CAST(%s AS pg_catalog.text)', value))
             WHEN 'date' THEN datahub_sync.time_key(value,
               format($sql$(%s OPERATOR(pg_catalog.-) CAST('1970-01-01' AS pg_catalog.date))$sql$, value), kind)
             WHEN 'bytea' THEN format($sql$pg_catalog.encode(%s, 'hex')$sql$, value)
             WHEN 'text' THEN format('CAST(%s AS pg_catalog.text)', value)
             -- Microseconds: a numeric, which holds all that a timestamp does. What is within the minute apart, since from the
             -- year 294247 on, thirty years before their end, EXTRACT(epoch) rounds fractions of a second.
             ELSE datahub_sync.time_key(value,
               format($sql$pg_catalog.trunc(EXTRACT(epoch FROM pg_catalog.date_trunc('minute', %1$s)) OPERATOR(pg_catalog.*) 1000000
                 OPERATOR(pg_catalog.+) EXTRACT(microseconds FROM %1$s))$sql$, value), kind)
             END
            FROM datahub_sync.key_parts(relation, key_columns),
                 LATERAL (SELECT format('%s.%I', row_alias, name)) AS v (value)) AS parts (place, kind, printed);
$function$;
