-- Sales lines, typed and judged: `reason` is null for a line that is published, else the first rule that it breaks.
-- Variables: sales (Parquet path). The session's TimeZone is the zone of timestamps that carry none.
CREATE MACRO tidy(txt) AS nullif(trim(txt, chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' ' || chr(160) || chr(65279)), '');
CREATE MACRO clean_code(txt) AS upper(tidy(txt));
-- 17850.0 is customer 17850: the number went through a float somewhere upstream.
CREATE MACRO clean_customer(txt) AS regexp_replace(clean_code(txt), '^(\d+)\.0+$', '\1');
CREATE MACRO clean_description(txt) AS
  CASE WHEN regexp_matches(txt, '\s\s|[\t\n\r\f\v]') THEN regexp_replace(tidy(txt), '\s+', ' ', 'g') ELSE tidy(txt) END;
-- ISO 8601 only: a cast alone would also take 'infinity', '0011-06-01' and named zones.
CREATE MACRO utc_timestamp(txt) AS
  CASE WHEN regexp_full_match(tidy(txt), '(19|2\d)\d{2}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?')
       THEN try_cast(tidy(txt) AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END;
-- 6 and 6.0 are whole numbers.
CREATE MACRO whole_number(txt) AS
  CASE WHEN regexp_full_match(tidy(txt), '[+-]?\d{1,18}(\.0*)?') THEN try_cast(split_part(tidy(txt), '.', 1) AS BIGINT) END;
-- Plain decimal notation that DECIMAL(18, 6) holds exactly: money is never rounded on the way in.
CREATE MACRO exact_price(txt) AS
  CASE WHEN regexp_full_match(tidy(txt), '[+-]?(\d{1,12}(\.\d{0,6}0*)?|\.\d{1,6}0*)') THEN try_cast(tidy(txt) AS DECIMAL(18, 6)) END;

CREATE TEMP TABLE clean_sales AS
WITH typed AS (
  SELECT
    position AS line_no,
    clean_code(invoice_no) AS invoice_no,
    clean_code(stock_code) AS stock_code,
    clean_description(description) AS description,
    whole_number(quantity) AS quantity,
    utc_timestamp(invoice_date) AS order_ts,
    exact_price(unit_price) AS unit_price,
    coalesce(clean_customer(customer_id), 'GUEST') AS customer_id,
    tidy(country) AS country
  FROM read_parquet(getvariable('sales'))
)
SELECT
  *,
  coalesce(starts_with(invoice_no, 'C'), false) AS is_return,
  CASE
    WHEN invoice_no IS NULL THEN 'missing_invoice'
    WHEN stock_code IS NULL THEN 'missing_stock_code'
    WHEN order_ts IS NULL THEN 'bad_timestamp'
    WHEN quantity IS NULL OR quantity = 0 THEN 'bad_quantity'
    WHEN unit_price IS NULL OR unit_price < 0 THEN 'bad_price'
    WHEN unit_price = 0 THEN 'zero_price'
    WHEN quantity < 0 AND NOT starts_with(invoice_no, 'C') THEN 'negative_quantity'
    WHEN quantity > 0 AND starts_with(invoice_no, 'C') THEN 'positive_return'
  END AS reason
FROM typed;
