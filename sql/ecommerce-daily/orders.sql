-- One row per published order line, joined with its customer, its product and the session that led to it.
-- Variables: customers, products, clicks (Parquet paths), interval_start, interval_end. Needs clean_sales.
-- Each side of a join is first made unique by its key, so that no join can add a line.
CREATE TEMP TABLE customer AS
SELECT clean_customer(customer_id) AS customer_id, tidy(country) AS country, lower(tidy(segment)) AS segment
FROM read_parquet(getvariable('customers'))
WHERE clean_customer(customer_id) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY clean_customer(customer_id) ORDER BY position DESC) = 1;

CREATE TEMP TABLE product AS
SELECT clean_code(stock_code) AS stock_code, clean_description(name) AS name, lower(tidy(category)) AS category
FROM read_parquet(getvariable('products'))
WHERE clean_code(stock_code) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY clean_code(stock_code) ORDER BY name, category, position) = 1;

-- The checkout event names the invoice; should two do so, the first one led to it.
CREATE TEMP TABLE session AS
SELECT clean_code(invoice_no) AS invoice_no, tidy(session_id) AS session_id
FROM read_parquet(getvariable('clicks'))
WHERE error IS NULL AND type = 'checkout' AND clean_code(invoice_no) IS NOT NULL AND utc_timestamp(ts) IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY clean_code(invoice_no) ORDER BY utc_timestamp(ts), session_id) = 1;

CREATE TEMP VIEW orders AS
SELECT
  getvariable('interval_start') AS interval_start,
  getvariable('interval_end') AS interval_end,
  sale.invoice_no,
  sale.line_no,
  sale.order_ts,
  sale.stock_code,
  sale.description,
  coalesce(product.name, sale.description, 'unknown') AS product_name,
  coalesce(product.category, 'uncategorised') AS category,
  sale.quantity,
  sale.unit_price,
  CAST(sale.quantity * sale.unit_price AS DECIMAL(38, 6)) AS line_total,
  sale.is_return,
  sale.customer_id,
  coalesce(customer.country, sale.country, 'Unspecified') AS country,
  coalesce(customer.segment, CASE WHEN sale.customer_id = 'GUEST' THEN 'guest' ELSE 'unknown' END) AS segment,
  session.session_id
FROM clean_sales AS sale
LEFT JOIN customer ON customer.customer_id = sale.customer_id
LEFT JOIN product ON product.stock_code = sale.stock_code
LEFT JOIN session ON session.invoice_no = sale.invoice_no
WHERE sale.reason IS NULL;
