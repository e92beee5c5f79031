\set number random(0, :rows - 1)
\startpipeline
BEGIN;
SELECT zzbs, czztdm, czzt, kz_lx, kz_dz, kz_fddbr, kz_zczb, kz_clrq FROM agreed WHERE zzbs = 'L' || lpad(:number::bigint::text, 57, '0');
INSERT INTO audit (purpose, matter, case_number, record, fields)
VALUES ('housing-check', '000117001000', '办件-2026-000123', 'L' || lpad(:number::bigint::text, 57, '0'), 'zzbs czztdm czzt kz_lx kz_dz kz_fddbr kz_zczb kz_clrq');
COMMIT;
\endpipeline
