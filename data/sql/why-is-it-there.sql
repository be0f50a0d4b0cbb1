-- What every source says of one exception; put the id in place of the subquery.
SELECT feed, source, snapshot_id, landed_row, field, value
FROM evidence
WHERE period = (SELECT max(period) FROM evidence)
  AND exception_id = (
      SELECT min(exception_id) FROM exceptions_current JOIN evidence USING (period, exception_id) WHERE status = 'open'
  )
ORDER BY feed, source, landed_row, field;
