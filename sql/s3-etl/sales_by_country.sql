-- Revenue of each file by country, over what retail_sales.sql selects.
SELECT
  interval_start,
  interval_end,
  source_file,
  country,
  count(*) AS lines,
  CAST(sum(quantity) AS BIGINT) AS units,
  CAST(sum(line_total) AS DECIMAL(38, 6)) AS revenue
FROM ({{sales}}) AS sales
GROUP BY interval_start, interval_end, source_file, country
