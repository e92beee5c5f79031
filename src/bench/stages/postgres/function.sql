\set number random(0, :rows - 1)
SELECT * FROM ask(:number::bigint, 'housing-check', '000117001000', '办件-2026-000123');
