-- One owner's open exceptions: the worst, then the dearest, then the oldest first.
SELECT severity, subject, rule, remedy, value, age_days, due_on, exception_id
FROM exceptions_current
WHERE status <> 'resolved' AND owner = 'it-assets'
ORDER BY array_position(['critical', 'high', 'medium', 'low'], severity), value DESC NULLS LAST, age_days DESC, exception_id;
