-- The staged lines as they are published. {{sales}} is the staging table, {{files}} a SELECT of the files' addresses and keys,
-- {{interval_start}} and {{interval_end}} are the run's.
SELECT
  {{interval_start}} AS interval_start,
  {{interval_end}} AS interval_end,
  file.file_key AS source_file,
  sale.line_no,
  sale.invoice_no,
  sale.stock_code,
  sale.description,
  sale.quantity,
  sale.order_ts,
  sale.unit_price,
  sale.is_return,
  sale.customer_id,
  coalesce(sale.country, 'Unspecified') AS country,
  CAST(sale.quantity * sale.unit_price AS DECIMAL(38, 6)) AS line_total
FROM {{sales}} AS sale
JOIN ({{files}}) AS file ON file.uri = sale.source_file
