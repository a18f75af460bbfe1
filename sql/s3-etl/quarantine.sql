-- Every line that the transform function could not use. Variables: rejects (JSON lines), files (the key of the file that each comes from).
CREATE TEMP TABLE quarantine AS
SELECT
  getvariable('files')[list_position(getvariable('rejects'), filename)] AS source,
  CAST(line AS VARCHAR) AS position,
  reason,
  to_json(raw) AS row
FROM read_json(
  getvariable('rejects'),
  format = 'newline_delimited', filename = true, maximum_object_size = 67108864,
  columns = {line: 'BIGINT', reason: 'VARCHAR', raw: 'VARCHAR'}
);
