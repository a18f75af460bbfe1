-- The same where every line could be used.
CREATE TEMP TABLE quarantine (source VARCHAR, position VARCHAR, reason VARCHAR, row JSON);
