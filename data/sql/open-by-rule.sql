-- What is open now, rule by rule, the worst first.
SELECT rule, severity, count(*) AS open, sum(value) AS value, count(*) FILTER (value IS NULL) AS unvalued
FROM exceptions_current
WHERE status <> 'resolved'
GROUP BY rule, severity
ORDER BY array_position(['critical', 'high', 'medium', 'low'], severity), open DESC, rule;
