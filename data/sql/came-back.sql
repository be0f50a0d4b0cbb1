-- What was resolved and came back, and when it was first seen.
SELECT rule, subject, recurrence, first_seen, last_seen, status
FROM exceptions_current
WHERE recurrence > 0
ORDER BY recurrence DESC, rule, subject;
