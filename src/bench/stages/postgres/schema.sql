CREATE TABLE licence (
    zzbs text PRIMARY KEY, czztdm text NOT NULL, czzt text NOT NULL, kz_lx text NOT NULL, kz_dz text NOT NULL, kz_fddbr text NOT NULL,
    kz_zczb text NOT NULL, kz_clrq text NOT NULL, kz_jyfw text NOT NULL, kz_djjg text NOT NULL, kz_djzt text NOT NULL, kz_bz text NOT NULL
);
INSERT INTO licence
SELECT 'L' || lpad(number::text, 57, '0'), 'H' || lpad(number::text, 17, '0'), text, text, text, text, text, text, text, text, text, text
FROM generate_series(0, :rows - 1) AS number, (SELECT repeat('样', 31) AS text) AS filling;
CREATE INDEX ON licence (czztdm);
CREATE VIEW agreed AS SELECT zzbs, czztdm, czzt, kz_lx, kz_dz, kz_fddbr, kz_zczb, kz_clrq FROM licence;
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp(), who text NOT NULL DEFAULT session_user,
    purpose text NOT NULL, matter text NOT NULL, case_number text NOT NULL, record text NOT NULL, fields text NOT NULL
);
CREATE FUNCTION ask(number bigint, purpose text, matter text, case_number text) RETURNS SETOF agreed LANGUAGE sql SECURITY DEFINER AS $$
    INSERT INTO audit (purpose, matter, case_number, record, fields)
    VALUES (purpose, matter, case_number, 'L' || lpad(number::text, 57, '0'), 'zzbs czztdm czzt kz_lx kz_dz kz_fddbr kz_zczb kz_clrq');
    SELECT * FROM agreed WHERE zzbs = 'L' || lpad(number::text, 57, '0');
$$;
CREATE ROLE housing LOGIN;
GRANT SELECT (zzbs, czztdm, czzt, kz_lx, kz_dz, kz_fddbr, kz_zczb, kz_clrq) ON agreed TO housing;
GRANT INSERT (purpose, matter, case_number, record, fields) ON audit TO housing;
