-- Revenue of the interval by product category. {{orders}} is the staged order table.
SELECT
  interval_start,
  interval_end,
  category,
  count(*) AS lines,
  CAST(sum(quantity) AS BIGINT) AS units,
  CAST(sum(line_total) AS DECIMAL(38, 6)) AS revenue
FROM {{orders}}
GROUP BY interval_start, interval_end, category
