/** A type `t` of the schema `n` as JSON: itself, and the oids of what it is made of. */
export const TYPE = `json_build_object(
    'oid', t.oid::text, 'schema', n.nspname, 'name', t.typname, 'kind', t.typtype,
    'element', CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0 END::text, 'delimiter', t.typdelim,
    'base', t.typbasetype::text, 'baseTypmod', t.typtypmod,
    'subtype', coalesce((SELECT rngsubtype FROM pg_catalog.pg_range WHERE t.oid IN (rngtypid, rngmultitypid)), 0)::text,
    'attributes', (SELECT json_agg(json_build_object('name', attname, 'oid', atttypid::text, 'typmod', atttypmod,
                                                     'display', format_type(atttypid, atttypmod)) ORDER BY attnum)
                     FROM pg_catalog.pg_attribute
                    WHERE t.typtype = 'c' AND attrelid = t.typrelid AND attnum > 0 AND NOT attisdropped),
    'labels', (SELECT json_agg(enumlabel ORDER BY enumsortorder) FROM pg_catalog.pg_enum WHERE enumtypid = t.oid))`;
