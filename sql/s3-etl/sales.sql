-- What the transform function has written. Variables: files (CSV, gzip; an empty field is NULL).
CREATE TEMP VIEW sales AS
SELECT *
FROM read_csv(
  getvariable('files'),
  auto_detect = false, header = true, compression = 'gzip', delim = ',', quote = '"', escape = '"', nullstr = '',
  columns = {
    source_file: 'VARCHAR', line_no: 'BIGINT', invoice_no: 'VARCHAR', stock_code: 'VARCHAR', description: 'VARCHAR', quantity: 'BIGINT',
    order_ts: 'TIMESTAMP', unit_price: 'DECIMAL(18, 6)', is_return: 'BOOLEAN', customer_id: 'VARCHAR', country: 'VARCHAR'
  }
);
