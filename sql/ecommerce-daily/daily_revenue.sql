-- Revenue of the interval by one column of the order lines. {{orders}} is the staged order table, {{dimension}} the column.
SELECT
  interval_start,
  interval_end,
  {{dimension}},
  count(*) AS lines,
  CAST(sum(quantity) AS BIGINT) AS units,
  CAST(sum(line_total) AS DECIMAL(38, 6)) AS revenue
FROM {{orders}}
GROUP BY interval_start, interval_end, {{dimension}}
