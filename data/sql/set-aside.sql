-- Rows that were set aside, with every reason and the row as it came.
SELECT period, feed, source, row, unnest(reasons) AS reason, raw
FROM quarantine
ORDER BY period, feed, source, row, reason;
