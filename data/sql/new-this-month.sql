-- What the latest period found that the one before did not have.
SELECT rule, subject, severity, value, owner
FROM exceptions_current
WHERE status <> 'resolved'
  AND exception_id NOT IN (
      SELECT exception_id FROM exceptions
      WHERE status <> 'resolved'
        AND period = (SELECT max(period) FROM exceptions WHERE period < (SELECT max(period) FROM exceptions))
  )
ORDER BY rule, subject;
