-- Every row that cannot be used, with its source, its position there, the reason, and the row as it came.
-- Variables: sales, clicks (Parquet paths). Needs clean_sales.
CREATE TEMP TABLE quarantine AS
SELECT 'sales' AS source, CAST(raw.position AS VARCHAR) AS position, judged.reason, to_json(raw) AS row
FROM clean_sales AS judged
JOIN read_parquet(getvariable('sales')) AS raw ON raw.position = judged.line_no
WHERE judged.reason IS NOT NULL
UNION ALL
SELECT 'clicks', file || ':' || line, coalesce(error, 'bad_timestamp'), CASE WHEN error IS NULL THEN to_json(events) ELSE to_json(raw) END
FROM read_parquet(getvariable('clicks')) AS events
WHERE error IS NOT NULL OR utc_timestamp(ts) IS NULL;
