-- The staged CSV file (variable signups) as rows of the published table. An event that is in the file several times counts once,
-- as it came last. NULL is an unquoted empty field, an empty text a quoted one.
-- The longest line that validation lets through has 30 KB; DuckDB takes 16 times max_line_size as its buffer.
CREATE TEMP TABLE staged AS
FROM read_csv(
  getvariable('signups'),
  auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', nullstr = '', allow_quoted_nulls = false,
  strict_mode = true, parallel = false, max_line_size = 262144,
  columns = {
    'event_id': 'VARCHAR', 'user_id': 'VARCHAR', 'email': 'VARCHAR', 'full_name': 'VARCHAR', 'country': 'VARCHAR',
    'plan': 'VARCHAR', 'referrer': 'VARCHAR', 'signed_up_at': 'TIMESTAMPTZ', 'topic_partition': 'INTEGER', 'topic_offset': 'BIGINT'
  }
);

CREATE TEMP TABLE signups AS
SELECT
  getvariable('interval_start') AS interval_start,
  getvariable('interval_end') AS interval_end,
  event_id, user_id, email, full_name, country, plan, referrer,
  signed_up_at AT TIME ZONE 'UTC' AS signed_up_at
FROM staged
QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY signed_up_at DESC, topic_partition, topic_offset DESC) = 1
ORDER BY event_id;
